import { APP } from '../../runtime/api/labels';
import type { Pod } from '../../runtime/api/resources';
import { expiryWords, type WorkloadCertificate } from '../../runtime/kube/certificates';
import type { MeshRow } from './mesh-model';

const SPIFFE = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/(.+)$/;

/** The last row of the Mesh view: each ztunnel, whose certificates are read once its row is opened. */
export function certificatesRow(pods: readonly Pod[]): MeshRow | undefined {
  const children = pods
    .filter(({ metadata, status }) => metadata.labels?.['app'] === APP.ztunnel && status?.phase === 'Running')
    .map(({ metadata: { namespace = '', name, uid }, spec }): MeshRow => {
      const node = spec.nodeName ?? name;
      return {
        id: `ztunnel/${uid}`,
        kind: 'ztunnel',
        label: node,
        description: 'ztunnel',
        tooltip: `certificates that ztunnel holds for the workloads of ${node}, as of when this row was opened`,
        context: 'ztunnel',
        namespace,
        pod: name,
        children: [],
      };
    })
    .sort((a, b) => a.label.localeCompare(b.label));
  if (children.length === 0) return undefined;
  return {
    id: 'certificates',
    kind: 'certificates',
    label: 'Certificates',
    description: 'of workloads',
    tooltip: 'certificates of workloads, by the ztunnel of each node',
    context: 'certificates',
    namespace: '',
    children,
  };
}

/** What a ztunnel holds, one row for each identity. */
export function certificateRows(
  ztunnel: MeshRow,
  certificates: readonly WorkloadCertificate[],
  now: number,
): readonly MeshRow[] {
  const rows = certificates.map(({ identity, state, expires }): MeshRow => {
    const [, domain, namespace = '', account] = SPIFFE.exec(identity) ?? [];
    const ends = expires === undefined ? '' : `, ${expiryWords(expires, now)}`;
    return {
      id: `${ztunnel.id}/${identity}`,
      kind: 'certificate',
      label: domain === undefined ? identity : `${namespace}/${account}`,
      description: `${state}${ends}`,
      tooltip: `${identity}: ${state}${ends}${expires === undefined ? '' : ` (${new Date(expires).toISOString()})`}`,
      context: 'certificate',
      namespace,
      children: [],
    };
  });
  if (rows.length === 0) return [noteRow(ztunnel, 'no workload has one yet')];
  return rows.sort((a, b) => a.label.localeCompare(b.label));
}

/** Why there is nothing to show. */
export function noteRow(ztunnel: MeshRow, label: string): MeshRow {
  return {
    id: `${ztunnel.id}/note`,
    kind: 'note',
    label,
    description: '',
    tooltip: label,
    context: 'note',
    namespace: ztunnel.namespace,
    children: [],
  };
}
