import type { AuthorizationPolicy } from '../../api/resources';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

/** All three policies have the same selector. */
export const selectorMatchesNothing = rule<AuthorizationPolicy>({
  code: 'AMB3005',
  severity: 'hint',
  title: 'A selector matches no workload',
  why: "The policy holds for nobody. This is a hint, told only where files have workloads of the policy's namespace: others may be elsewhere.",
  aliases: ['KIA0004', 'IST0127'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY, PEER_AUTHENTICATION, 'security.istio.io/RequestAuthentication'],
  check({ document, mesh, report }) {
    const { namespace, value } = document;
    const labels = value.spec?.selector?.matchLabels;
    if (labels === undefined || namespace === mesh.settings.rootNamespace) return;
    // A gateway's pods stand in no file: istiod makes them.
    if (Object.keys(labels).some((key) => key.startsWith('gateway.networking.k8s.io/'))) return;
    if (mesh.selected(namespace, {}).length === 0 || mesh.selected(namespace, labels).length > 0) return;
    const wanted = Object.entries(labels).map(([key, label]) => `${key}=${label}`);
    report(['spec', 'selector'], `No workload of namespace ${namespace} has the labels ${wanted.join(', ')}.`, {
      atKey: true,
    });
  },
});
