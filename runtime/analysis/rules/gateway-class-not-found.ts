import type { Gateway } from '../../api/resources';
import { absence } from '../absence';
import { rule } from '../rule';
import { GATEWAY } from './ztunnel-policy';

/** Those that istiod makes. */
const BUILTIN = new Set(['istio', 'istio-remote', 'istio-waypoint', 'istio-east-west', 'istio-agentgateway-waypoint']);

export const gatewayClassNotFound = rule<Gateway>({
  code: 'AMB3038',
  severity: 'hint',
  title: 'A Gateway is of a class that is not there',
  why: 'A Gateway is the work of the controller of its class. istiod makes the classes istio, istio-waypoint, istio-east-west and istio-remote; another one has to exist as a GatewayClass, or nobody serves the Gateway.',
  aliases: ['KIA1504', 'IST0101'],
  scope: 'workspace',
  kinds: [GATEWAY],
  check({ document, mesh, report }) {
    const name = document.value.spec?.gatewayClassName ?? '';
    if (BUILTIN.has(name) || mesh.named('gateway.networking.k8s.io/GatewayClass', '', name)) return;
    const { nobodyHas, severity } = absence(mesh, 'gateway.networking.k8s.io/GatewayClass');
    const message = `${nobodyHas} the GatewayClass ${name}, and istiod makes none of that name.`;
    report(['spec', 'gatewayClassName'], message, { severity });
  },
});
