import { TELEMETRY, type Targeting } from '../istio-objects';
import { rule } from '../rule';
import { hasOwnEnvoys } from './own-envoys';
import { GATEWAY, isForZtunnel } from './ztunnel-policy';

export const telemetryWithoutWaypoint = rule<Targeting>({
  code: 'AMB2025',
  severity: 'warning',
  title: 'A Telemetry holds for a namespace that has no waypoint',
  why: 'Telemetry configures Envoy: its metrics, access logs and traces. ztunnel has metrics and logs of its own and reads no Telemetry, so that in a namespace without a waypoint or gateway nothing changes.',
  aliases: ['KIA1112'],
  scope: 'workspace',
  kinds: [TELEMETRY],
  ambient: true,
  check({ document, mesh, report }) {
    const { namespace } = document;
    const owner = mesh.named('/Namespace', '', namespace);
    if (owner === undefined || document.value.spec?.selector || !isForZtunnel(document, mesh)) return;
    const attachable = [owner, ...mesh.inNamespace('/Service', namespace)];
    if (attachable.some((client) => mesh.waypointFor(namespace, client))) return;
    if (namespace === mesh.settings.rootNamespace || hasOwnEnvoys(namespace, mesh)) return;
    if (mesh.inNamespace(GATEWAY, namespace).length > 0) return;
    report(
      ['kind'],
      `Namespace ${namespace} uses no waypoint, and ztunnel reads no Telemetry: this one changes nothing.`,
    );
  },
});
