import { typed, type FieldDocs } from './field-docs';
import { istioStatus, policyTarget, workloadSelector } from './shared-types';

export const authorizationPolicy: FieldDocs = {
  '': 'Says who may reach a workload or service. Without `targetRefs` ztunnel enforces it, by what a connection tells (identity, address, port); with `targetRefs` a waypoint does, by what a request tells as well.',
  spec: 'The policy. An empty one allows nobody: an ALLOW policy without rules matches no request, and so denies all.',
  'spec.action':
    '`ALLOW` (default), `DENY`, `AUDIT` or `CUSTOM`. DENY wins over ALLOW; once an ALLOW policy applies, whatever none of them allows is denied. ztunnel knows ALLOW and DENY only and is not sent the others.',
  'spec.provider': 'Names the external authorizer of a `CUSTOM` policy. Waypoints call it; ztunnel never does.',
  'spec.provider.name': 'Name of an extension provider in the mesh configuration.',
  'spec.rules':
    'Matches when any rule matches. No rules match nothing (ALLOW then denies all, DENY does nothing); an empty rule `{}` matches everything.',
  'spec.rules.from': 'Who calls: any one of the entries must match. Without it, everybody.',
  'spec.rules.from.source': 'One kind of caller: all fields of it must match, each by any one of its values.',
  'spec.rules.from.source.principals':
    'Identities `TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`, without `spiffe://`; a `*` may stand at the beginning or end. Needs mTLS. Behind a waypoint, ztunnel sees the waypoint’s identity here, not the client’s.',
  'spec.rules.from.source.notPrincipals': 'Identities that do not match; see `principals`.',
  'spec.rules.from.source.namespaces':
    'Namespaces of the caller’s identity. Needs mTLS. Behind a waypoint, ztunnel sees the waypoint’s namespace.',
  'spec.rules.from.source.notNamespaces': 'Namespaces that do not match.',
  'spec.rules.from.source.serviceAccounts':
    'Service accounts as `NAMESPACE/NAME`, or `NAME` for one of the policy’s own namespace; no wildcards. Easier to get right than `principals`, which also name the trust domain.',
  'spec.rules.from.source.notServiceAccounts': 'Service accounts that do not match.',
  'spec.rules.from.source.trustDomains':
    'Trust domains of the caller’s identity. Waypoints only: istiod does not translate it for ztunnel, where an entry of nothing else matches nobody.',
  'spec.rules.from.source.notTrustDomains': 'Trust domains that do not match.',
  'spec.rules.from.source.ipBlocks':
    'Addresses or CIDR ranges of the connection’s source: the calling pod’s, or the waypoint’s where ztunnel stands behind one.',
  'spec.rules.from.source.notIpBlocks': 'Addresses or ranges that do not match.',
  'spec.rules.from.source.remoteIpBlocks':
    'Addresses of the original client as `X-Forwarded-For` or PROXY protocol tell it. Only a waypoint or gateway knows: ztunnel drops an ALLOW rule with it.',
  'spec.rules.from.source.notRemoteIpBlocks': 'Original client addresses that do not match; needs a waypoint.',
  'spec.rules.from.source.requestPrincipals':
    'Identities of a JSON Web Token, `ISSUER/SUBJECT`; `*` for any valid token. Needs a waypoint and a RequestAuthentication that validates tokens.',
  'spec.rules.from.source.notRequestPrincipals':
    'Token identities that do not match; `notRequestPrincipals: ["*"]` is how a DENY policy refuses requests without a token. Needs a waypoint.',
  'spec.rules.to': 'What is called: any one of the entries must match. Without it, everything.',
  'spec.rules.to.operation': 'One kind of operation: all fields of it must match, each by any one of its values.',
  'spec.rules.to.operation.ports':
    'Ports, as text. At ztunnel the port of the pod (targetPort), at a waypoint the port of the Service.',
  'spec.rules.to.operation.notPorts': 'Ports that do not match.',
  'spec.rules.to.operation.hosts':
    'Host names of the request’s authority, without regard to case. HTTP only, so a waypoint only.',
  'spec.rules.to.operation.notHosts': 'Hosts that do not match; needs a waypoint.',
  'spec.rules.to.operation.methods':
    'HTTP methods, `GET`; gRPC is always `POST`. Needs a waypoint: ztunnel drops an ALLOW rule with it, and a DENY rule then denies every method or nothing at all.',
  'spec.rules.to.operation.notMethods': 'Methods that do not match; needs a waypoint.',
  'spec.rules.to.operation.paths':
    'Paths of the request without query: exact, `/prefix*`, `*suffix`, or templates with `{*}` for one segment and `{**}` for many; gRPC as `/package.Service/Method`. Needs a waypoint.',
  'spec.rules.to.operation.notPaths': 'Paths that do not match; needs a waypoint.',
  'spec.rules.when': 'Further conditions, all of which must hold.',
  'spec.rules.when.key':
    'Attribute to look at. ztunnel knows `source.ip`, `source.namespace`, `source.principal`, `destination.ip` and `destination.port`; all others (`request.headers[…]`, `request.auth.…`, `remote.ip`, `connection.sni`) need a waypoint.',
  'spec.rules.when.values': 'Values of the attribute of which one must match.',
  'spec.rules.when.notValues': 'Values of the attribute of which none may match.',
  'spec.selector': typed(
    'Pods whose ztunnel enforces the policy; without it, all of the namespace, and from the root namespace all of the mesh. Excludes `targetRefs`.',
    workloadSelector,
  ),
  'spec.targetRef': typed('One target; `targetRefs` is the newer form.', policyTarget),
  'spec.targetRefs': typed(
    'The waypoint, service or gateway where the policy is enforced. ztunnel is not sent such a policy, so it protects only traffic that passes the waypoint.',
    policyTarget,
  ),
  status: typed('Written by istiod.', istioStatus),
};
