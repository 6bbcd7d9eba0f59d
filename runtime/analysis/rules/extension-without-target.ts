import { TELEMETRY, WASM_PLUGIN, type Targeting } from '../istio-objects';
import { rule } from '../rule';
import { hasOwnEnvoys } from './own-envoys';
import { isForZtunnel, retargetFixes } from './ztunnel-policy';

export const extensionWithoutTarget = rule<Targeting>({
  code: 'AMB2024',
  severity: 'warning',
  title: 'A WasmPlugin or Telemetry by selector does nothing in ambient mode',
  why: 'Both are the work of Envoy, which in ambient mode is the waypoint, and a waypoint ignores whatever selects pods; ztunnel reads neither. A WasmPlugin without selector and targetRefs is ignored as well. Attach it by targetRefs to a Service or a waypoint.',
  aliases: ['KIA1111', 'KIA1112', 'KIA1116', 'KIA1117'],
  scope: 'workspace',
  kinds: [WASM_PLUGIN, TELEMETRY],
  ambient: true,
  check({ document, mesh, report }) {
    if (!isForZtunnel(document, mesh)) return;
    const { kind, namespace } = document;
    const selector = document.value.spec?.selector !== undefined;
    if (!selector) {
      // Telemetry of a whole namespace holds for its waypoints; a WasmPlugin may be meant for a gateway there.
      if (kind === 'Telemetry' || namespace === mesh.settings.rootNamespace) return;
      if (hasOwnEnvoys(namespace, mesh)) return;
    }
    report(
      selector ? ['spec', 'selector'] : ['kind'],
      `No waypoint takes a ${kind} ${selector ? 'by selector' : 'without targetRefs'}, and ztunnel reads none: this one does nothing.`,
      { atKey: selector, fixes: retargetFixes(document, mesh) },
    );
  },
});
