import type { KubeObject } from '../../api/resources';
import { labelsText } from '../labels';
import { ENVOY_FILTER, SIDECAR } from '../proxy-objects';
import { rule } from '../rule';

interface Selecting extends KubeObject {
  spec?: {
    workloadSelector?: { labels?: Record<string, string>; matchLabels?: Record<string, string> };
    selector?: { matchLabels?: Record<string, string> };
  };
}

export const workloadSelector = rule<Selecting>({
  code: 'AMB3069',
  severity: 'hint',
  title: 'A Sidecar, EnvoyFilter or Telemetry selects no workload',
  why: 'It holds for nobody. This is a hint, told only where files have workloads of its namespace: others may be elsewhere. For policies see AMB3005.',
  aliases: ['IST0101', 'KIA0004'],
  scope: 'workspace',
  kinds: [SIDECAR, ENVOY_FILTER, 'telemetry.istio.io/Telemetry', 'extensions.istio.io/WasmPlugin'],
  check({ document, mesh, report }) {
    const { namespace, value } = document;
    const { workloadSelector: byWorkload, selector } = value.spec ?? {};
    const labels = byWorkload?.labels ?? selector?.matchLabels ?? {};
    // The pods of a Kubernetes Gateway stand in no file: istiod makes them.
    if (Object.keys(labels).some((key) => key.startsWith('gateway.networking.k8s.io/'))) return;
    if (namespace === mesh.settings.rootNamespace || mesh.selected(namespace, {}).length === 0) return;
    if (mesh.selected(namespace, labels).length > 0) return;
    const path = ['spec', byWorkload ? 'workloadSelector' : 'selector'];
    report(path, `No workload of namespace ${namespace} has the labels ${labelsText(labels)}.`, { atKey: true });
  },
});
