import type { Gateway, Service } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { TELEMETRY, WASM_PLUGIN, type Targeting } from '../istio-objects';
import { rule } from '../rule';
import { takesServices } from './behind-waypoint';
import { letTake } from './waypoint-for-mismatch';
import { AUTHORIZATION_POLICY, GATEWAY } from './ztunnel-policy';

export const targetWaypointFor = rule<Targeting>({
  code: 'AMB2030',
  severity: 'warning',
  title: 'A policy targets a Service whose waypoint takes no traffic to services',
  why: 'A namespace may use a waypoint that is for workloads only (istio.io/waypoint-for). Its Services are then not attached to it, and nobody enforces what targets them. Let the waypoint take services too (all), or give the Service a waypoint of its own.',
  aliases: ['KIA1313'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY, 'security.istio.io/RequestAuthentication', TELEMETRY, WASM_PLUGIN],
  check({ document, mesh, report }) {
    for (const [index, { kind, name }] of targetsOf(document.value).entries()) {
      const service = kind === 'Service' ? mesh.named<Service>('/Service', document.namespace, name) : undefined;
      const request = service && mesh.waypointFor(document.namespace, service);
      // Where the Service itself asks for the waypoint, AMB2007 tells it there.
      if (request === undefined || request.document === service || takesServices(request, mesh)) continue;
      const gateway = mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
      const path = document.value.spec?.targetRefs?.length ? ['spec', 'targetRefs', index] : ['spec', 'targetRef'];
      report(
        [...path, 'name'],
        `Waypoint ${request.namespace}/${request.name} of namespace ${document.namespace} takes no traffic to services: nobody enforces this at Service ${name}.`,
        { fixes: [gateway && letTake(gateway, 'all')] },
      );
    }
  },
});
