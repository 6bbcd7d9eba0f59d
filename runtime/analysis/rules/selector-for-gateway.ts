import { GATEWAY_NAME } from '../../api/labels';
import type { AuthorizationPolicy, Gateway } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { fix, replacePair } from '../edit';
import { rule } from '../rule';
import { isWaypoint } from '../workspace';
import { AUTHORIZATION_POLICY, GATEWAY } from './ztunnel-policy';

/** All four have the policies' selector and targetRefs. */
export const selectorForGateway = rule<AuthorizationPolicy>({
  code: 'AMB2063',
  severity: 'info',
  title: 'A policy selects the pods of a Kubernetes Gateway instead of targeting it',
  why: 'Waypoints take policies by targetRefs only: a selector that finds their pods does nothing, which is a warning. At the gateways of other classes a selector holds only while istiod is told to honour it (ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY). targetRefs name the Gateway and hold for both.',
  aliases: ['IST0166'],
  scope: 'workspace',
  kinds: [
    AUTHORIZATION_POLICY,
    'security.istio.io/RequestAuthentication',
    'telemetry.istio.io/Telemetry',
    'extensions.istio.io/WasmPlugin',
  ],
  check({ document, mesh, report }) {
    const name = document.value.spec?.selector?.matchLabels?.[GATEWAY_NAME];
    if (name === undefined || targetsOf(document.value).length > 0) return;
    const gateway = mesh.named<Gateway>(GATEWAY, document.namespace, name);
    const waypoint = gateway !== undefined && isWaypoint(gateway);
    const targetRefs = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name }];
    report(
      ['spec', 'selector'],
      waypoint
        ? `A waypoint takes no policy by selector: this one does nothing. Target Gateway ${name}.`
        : `Target Gateway ${name} by targetRefs: istiod may ignore a selector for its pods.`,
      {
        atKey: true,
        severity: waypoint ? 'warning' : 'info',
        fixes: [
          fix(`Target Gateway ${name}`, false, replacePair(document, ['spec', 'selector'], 'targetRefs', targetRefs)),
        ],
      },
    );
  },
});
