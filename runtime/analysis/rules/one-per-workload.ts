import type { KubeObject } from '../../api/resources';
import type { MeshDocument } from '../document';
import { sameLabels } from '../labels';
import { SIDECAR } from '../proxy-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';

/** Sidecar selects by workloadSelector, Telemetry by selector. */
interface Selecting extends KubeObject {
  spec?: {
    workloadSelector?: { labels?: Record<string, string> };
    selector?: { matchLabels?: Record<string, string> };
    targetRef?: object;
    targetRefs?: object[];
  };
}

export const onePerWorkload = rule<Selecting>({
  code: 'AMB4060',
  severity: 'warning',
  title: 'Several Sidecars or Telemetries hold for the same workloads',
  why: 'Of the Sidecars, and of the Telemetries, that select the same workloads of a namespace, or that both select none and so hold for all of it, a proxy takes one: which one is not promised. Merge them. In an ambient namespace Sidecars do nothing at all, which AMB2062 tells.',
  aliases: ['IST0110', 'IST0111', 'IST0159', 'IST0160', 'KIA0002', 'KIA0003'],
  scope: 'workspace',
  kinds: [SIDECAR, 'telemetry.istio.io/Telemetry'],
  check({ document, mesh, report }) {
    const { kind, group, namespace, name } = document;
    if (kind === 'Sidecar' && mesh.modeOf(namespace) === 'ambient') return;
    if (isTargeted(document)) return;
    const other = mesh
      .inNamespace<Selecting>(`${group}/${kind}`, namespace)
      .find((candidate) => candidate.name !== name && !isTargeted(candidate) && overlap(candidate, document, mesh));
    if (other === undefined) return;
    const what = selectorOf(document) ? 'the same workloads' : `the whole namespace ${namespace}`;
    report(['metadata', 'name'], `${kind} ${other.name} holds for ${what} too; only one of them counts.`);
  },
});

function isTargeted({ value: { spec } }: MeshDocument<Selecting>): boolean {
  return spec?.targetRef !== undefined || spec?.targetRefs !== undefined;
}

/** The labels that are selected by; undefined where the object holds for its whole namespace. */
function selectorOf({ value: { spec } }: MeshDocument<Selecting>): Record<string, string> | undefined {
  const labels = spec?.workloadSelector?.labels ?? spec?.selector?.matchLabels ?? {};
  return Object.keys(labels).length > 0 ? labels : undefined;
}

/** Whether both hold for the whole namespace, or some workload of the files is selected by both. */
function overlap(left: MeshDocument<Selecting>, right: MeshDocument<Selecting>, mesh: Mesh): boolean {
  const [one, two] = [selectorOf(left), selectorOf(right)];
  if (one === undefined || two === undefined) return one === two;
  if (sameLabels(one, two)) return true;
  const selected = new Set(mesh.selected(left.namespace, one));
  return mesh.selected(left.namespace, two).some((workload) => selected.has(workload));
}
