import { readFile, writeFile } from 'node:fs/promises';
import { runKind, type KindCommand } from './kind-command';

/** Names of the kind clusters that the Docker engine has. */
export async function listClusters(command: KindCommand): Promise<string[]> {
  const names = await runKind(['get', 'clusters'], command);
  return names.split('\n').filter((name) => name !== '');
}

export interface NewCluster {
  readonly name: string;
  /** The cluster's administrator is written there, and nowhere else. */
  readonly kubeconfig: string;
  /** Of the API on 127.0.0.1; 0 picks a free one. */
  readonly port: number;
  /** Number of nodes; the first is the control plane, and pods run on every one. */
  readonly nodes: number;
  /** Image of the nodes; undefined takes kind's own. */
  readonly nodeImage: string | undefined;
}

/** Lets pods run on the control plane of a cluster with more nodes; when there is only one, kind insists on doing it. */
const UNTAINTED = JSON.stringify({ kind: 'InitConfiguration', nodeRegistration: { taints: [] } });

/** Makes a cluster. @throws MeshError AMB_ERR_KIND_FAILED */
export async function createCluster(cluster: NewCluster, command: KindCommand): Promise<void> {
  const { name, kubeconfig, port, nodes, nodeImage } = cluster;
  const workers = Array.from({ length: nodes - 1 }, () => ({ role: 'worker' }));
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: { apiServerAddress: '127.0.0.1', apiServerPort: port === 0 ? undefined : port },
    nodes: [{ role: 'control-plane', ...(nodes > 1 && { kubeadmConfigPatches: [UNTAINTED] }) }, ...workers],
  };
  const image = nodeImage === undefined ? [] : ['--image', nodeImage];
  const args = ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfig, '--config', '-', ...image];
  // JSON is YAML.
  await runKind(args, command, JSON.stringify(config));
}

/**
 * Removes a cluster, its nodes and their volumes, and its context from a kubeconfig.
 *
 * @param kubeconfig undefined is the user's own
 */
export async function deleteCluster(name: string, kubeconfig: string | undefined, command: KindCommand): Promise<void> {
  const file = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  await runKind(['delete', 'cluster', '--name', name, ...file], command);
}

/** Adds the cluster's administrator to the user's own kubeconfig, and makes it the current context. */
export async function mergeKubeconfig(name: string, command: KindCommand): Promise<void> {
  await runKind(['export', 'kubeconfig', '--name', name], command);
}

/** Writes the administrator of a cluster that is there already. */
export async function writeKubeconfig(name: string, kubeconfig: string, command: KindCommand): Promise<void> {
  await writeFile(kubeconfig, await runKind(['get', 'kubeconfig', '--name', name], command), { mode: 0o600 });
}

const authorityOf = (kubeconfig: string): string | undefined =>
  /certificate-authority-data: *(\S+)/.exec(kubeconfig)?.[1];

/**
 * Whether the cluster of a name is the one that a kubeconfig was written for: one that was deleted and made again by
 * somebody else has another certificate authority.
 */
export async function isSameCluster(name: string, kubeconfig: string, command: KindCommand): Promise<boolean> {
  const own = authorityOf(await readFile(kubeconfig, 'utf8').catch(() => ''));
  return own !== undefined && own === authorityOf(await runKind(['get', 'kubeconfig', '--name', name], command));
}
