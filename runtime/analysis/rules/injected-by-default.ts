import { DATAPLANE_MODE } from '../../api/labels';
import type { ConfigMap } from '../../api/resources';
import { rule } from '../rule';

export const injectedByDefault = rule({
  code: 'AMB2067',
  severity: 'info',
  title: 'A Namespace without a label gets sidecars, because injection is on by default',
  why: 'With enableNamespacesByDefault in the ConfigMap istio-sidecar-injector, istiod injects sidecars wherever no label forbids it. Label the Namespace: istio.io/dataplane-mode: ambient, or istio-injection: disabled.',
  aliases: ['IST0148'],
  scope: 'workspace',
  kinds: ['/Namespace'],
  check({ document, mesh, report }) {
    const { name, value } = document;
    const root = mesh.settings.rootNamespace;
    const labels = value.metadata.labels ?? {};
    const settled = ['istio-injection', 'istio.io/rev', DATAPLANE_MODE].some((label) => label in labels);
    if (settled || name === root || name.startsWith('kube-')) return;
    const values = mesh.named<ConfigMap>('/ConfigMap', root, 'istio-sidecar-injector')?.value.data?.['values'];
    // The values are JSON; a search tells all that matters and cannot fail.
    if (!/"enableNamespacesByDefault"\s*:\s*true/.test(values ?? '')) return;
    report(['metadata', 'name'], `Injection is on by default, so pods of namespace ${name} get sidecars.`);
  },
});
