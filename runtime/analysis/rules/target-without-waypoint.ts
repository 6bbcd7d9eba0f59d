import type { Service } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { TELEMETRY, WASM_PLUGIN, type Targeting } from '../istio-objects';
import { rule } from '../rule';
import { useWaypointFix } from './use-waypoint-fix';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const targetWithoutWaypoint = rule<Targeting>({
  code: 'AMB2013',
  severity: 'warning',
  title: 'A policy targets a Service without a waypoint, so nobody enforces it',
  why: 'A policy with targetRefs is never sent to ztunnel; it is the work of the waypoint of the Service that it names. Without istio.io/use-waypoint on the Service or its Namespace, istiod reports AncestorNotBound and every request passes. Where the Namespace stands in no file, it may carry the label: then this is an info.',
  aliases: ['KIA0109', 'KIA1110', 'KIA1111', 'KIA1112', 'KIA1317', 'IST0171'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY, 'security.istio.io/RequestAuthentication', TELEMETRY, WASM_PLUGIN],
  ambient: true,
  check({ document, mesh, report }) {
    const { namespace } = document;
    const written = document.value.spec?.targetRefs?.length ? 'targetRefs' : 'targetRef';
    for (const [index, target] of targetsOf(document.value).entries()) {
      if (target.kind !== 'Service' || (target.group ?? '') !== '') continue;
      const service = mesh.named<Service>('/Service', namespace, target.name);
      if (service === undefined || mesh.waypointFor(namespace, service)) continue;
      const path = written === 'targetRefs' ? ['spec', written, index, 'name'] : ['spec', written, 'name'];
      report(path, `Service ${target.name} uses no waypoint, so nobody enforces this policy.`, {
        severity: mesh.named('/Namespace', '', namespace) ? 'warning' : 'info',
        fixes: [useWaypointFix(service, mesh)],
      });
    }
  },
});
