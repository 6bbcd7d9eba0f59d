import { TRUST_DOMAIN } from '../../api/labels';
import type { AuthorizationPolicy, Gateway } from '../../api/resources';
import { compileForZtunnel, l7Attributes } from '../../policy/compile-for-ztunnel';
import { decideConnection } from '../../policy/decide';
import type { Authorization } from '../../policy/model';
import { labelsMatch } from '../../policy/compile-peer-authentication';
import { appendItem, fix } from '../edit';
import type { Path } from '../path';
import { rule } from '../rule';
import type { Mesh, WorkloadFact } from '../workspace';
import { serviceWaypoint } from './behind-waypoint';
import { AUTHORIZATION_POLICY, GATEWAY, isAllow, isForZtunnel } from './ztunnel-policy';

export const waypointIdentityForgotten = rule<AuthorizationPolicy>({
  code: 'AMB5002',
  severity: 'warning',
  title: "An ALLOW policy forgets the waypoint's identity",
  why: "Behind a waypoint, the workload's ztunnel sees the waypoint as the client. An ALLOW policy that names only the first clients refuses the waypoint, and with it all traffic. Allow the waypoint's identity here, and name the clients in a policy with targetRefs, which the waypoint enforces. Where the waypoint stands in no file, this is an info.",
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, mesh, report }) {
    if (!isAllow(document.value) || !isForZtunnel(document, mesh)) return;
    const place = listOfPrincipals(document.value);
    if (place === undefined) return;
    const told = new Set<string>();
    for (const workload of mesh.selected(document.namespace, document.value.spec?.selector?.matchLabels)) {
      const waypoint = serviceWaypoint(workload, mesh);
      if (waypoint === undefined) continue;
      const principal = `${TRUST_DOMAIN}/ns/${waypoint.namespace}/sa/${waypoint.name}`;
      if (told.has(principal) || isAllowed(principal, workload, mesh)) continue;
      told.add(principal);
      const gateway = mesh.named<Gateway>(GATEWAY, waypoint.namespace, waypoint.name);
      report(
        place,
        `Behind waypoint ${waypoint.namespace}/${waypoint.name}, ztunnel sees the waypoint as the client, which no rule allows: ${principal}.`,
        {
          atKey: true,
          severity: gateway ? 'warning' : 'info',
          fixes: [fix("Allow the waypoint's identity", false, appendItem(document, place, principal))],
        },
      );
    }
  },
});

/** The first list of principals in a rule that ztunnel keeps: where a forgotten one would be added. */
function listOfPrincipals(policy: AuthorizationPolicy): Path | undefined {
  for (const [i, rule] of (policy.spec?.rules ?? []).entries())
    for (const [j, { source }] of (l7Attributes(rule).length === 0 ? (rule.from ?? []) : []).entries())
      if (source?.principals?.length) return ['spec', 'rules', i, 'from', j, 'source', 'principals'];
  return undefined;
}

/** Whether ztunnel lets the principal in on any of the workload's ports; asked of the data plane's own engine. */
function isAllowed(principal: string, workload: WorkloadFact, mesh: Mesh): boolean {
  const policies = [workload.namespace, mesh.settings.rootNamespace]
    .flatMap((namespace) => mesh.inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, namespace))
    .filter(({ value }) => labelsMatch(value.spec?.selector?.matchLabels, workload.labels))
    .map(({ value }) => compileForZtunnel(value, mesh.settings))
    .flatMap((outcome): Authorization[] => (outcome.kind === 'sent' ? [outcome.authorization] : []))
    .filter(({ action }) => action === 'ALLOW');
  // Addresses of pods are not in files, so a rule on them may or may not let the waypoint in.
  if (policies.some((policy) => JSON.stringify(policy).includes('Ips"'))) return true;
  const ports = workload.ports.length > 0 ? workload.ports.map(({ containerPort }) => containerPort) : [0];
  return ports.some(
    (destinationPort) =>
      decideConnection(policies, {
        identity: `spiffe://${principal}`,
        sourceIp: '0.0.0.0',
        destinationIp: '0.0.0.0',
        destinationPort,
      }).verdict === 'allow',
  );
}
