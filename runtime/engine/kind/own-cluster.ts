import { MeshError } from '../../errors';
import { kubeconfigFile, removeRecord, writeRecord, type KindRecord } from '../record';
import { isSameCluster, writeKubeconfig } from './cluster';
import type { KindCommand } from './kind-command';
import { readRecord } from './record';

/** Name of the cluster where none is given: AMBIENT_KIND_CLUSTER, else `ambient`. */
export const defaultCluster = (): string => process.env['AMBIENT_KIND_CLUSTER'] || 'ambient';

/**
 * The cluster that a state folder's mesh runs in, or is to run in by the user's will.
 *
 * @param existing names of the clusters that are there
 * @param adopt takes over one that somebody else made
 * @returns undefined when one has to be made
 * @throws MeshError AMB_ERR_KIND_CLUSTER_EXISTS for a cluster of the name that somebody else made,
 *   AMB_ERR_KIND_NO_CLUSTER where there is none to adopt
 */
export async function ownCluster(
  state: string,
  { cluster, adopt }: { readonly cluster: string; readonly adopt: boolean },
  existing: readonly string[],
  command: KindCommand,
): Promise<KindRecord | undefined> {
  const record = readRecord(state);
  if (record !== undefined && existing.includes(record.cluster)) {
    if (await isSameCluster(record.cluster, kubeconfigFile(state), command)) return record;
  }
  if (adopt) {
    if (!existing.includes(cluster)) throw new MeshError('AMB_ERR_KIND_NO_CLUSTER', { cluster });
    await writeKubeconfig(cluster, kubeconfigFile(state), command);
    const adopted: KindRecord = { engine: 'kind', cluster, host: command.host, adopted: true };
    writeRecord(state, adopted);
    return adopted;
  }
  if (existing.includes(cluster)) throw new MeshError('AMB_ERR_KIND_CLUSTER_EXISTS', { cluster });
  removeRecord(state);
  return undefined;
}
