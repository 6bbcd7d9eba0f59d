import type { ConfigMap, KubeObject } from '../../api/resources';
import { rule } from '../rule';

interface Telemetry extends KubeObject {
  spec?: { accessLogging?: { providers?: object[]; disabled?: boolean }[] };
}

export const telemetryProvider = rule<Telemetry>({
  code: 'AMB2065',
  severity: 'info',
  title: 'A Telemetry asks for access logs and names no provider',
  why: "Without providers the mesh configuration's defaultProviders.accessLogging are meant, and where it has none, no log is written. Where files have the mesh configuration (ConfigMap istio) and it has no default, this is a warning. Name one: providers: [{ name: envoy }].",
  aliases: ['IST0157'],
  scope: 'workspace',
  kinds: ['telemetry.istio.io/Telemetry'],
  check({ document, mesh, report }) {
    const config = mesh.named<ConfigMap>('/ConfigMap', mesh.settings.rootNamespace, 'istio')?.value.data?.['mesh'];
    if (config?.includes('defaultProviders')) return;
    for (const [index, { providers, disabled }] of (document.value.spec?.accessLogging ?? []).entries()) {
      if (disabled || providers?.length) continue;
      report(
        ['spec', 'accessLogging', index],
        'No provider is named: logs are written only if the mesh has a default one.',
        {
          severity: config === undefined ? 'info' : 'warning',
        },
      );
    }
  },
});
