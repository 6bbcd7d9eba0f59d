import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Action,
  AuthorizationSchema,
  Scope,
  type Address,
  type Authorization as WireAuthorization,
  type Match as WireMatch,
  type MatchSchema,
  type ServiceAccountMatch as WireServiceAccountMatch,
  type StringMatch as WireStringMatch,
  type StringMatchSchema,
} from '../proto/gen/istio/security/authorization_pb';
import type { Authorization, Cidr, Match, ServiceAccountMatch, StringMatch } from './model';

/** The xDS message of a policy. `Rule.source` has no place on the wire. */
export function toWire(authorization: Authorization): WireAuthorization {
  return create(AuthorizationSchema, {
    name: authorization.name,
    namespace: authorization.namespace,
    scope: Scope[authorization.scope],
    action: Action[authorization.action],
    rules: authorization.rules.map(({ clauses }) => ({
      clauses: clauses.map(({ matches }) => ({ matches: matches.map(matchToWire) })),
    })),
    dryRun: authorization.dryRun,
  });
}

export type FromWire = { readonly authorization: Authorization } | { readonly rejected: string };

/**
 * Reads a policy with ztunnel's rules: an unknown scope or action rejects the resource (the reason goes into the NACK);
 * an unreadable address or a string match without a form is dropped silently; ports keep their lower 16 bits.
 *
 * @see protocol reference 1.9
 */
export function fromWire(message: WireAuthorization): FromWire {
  const scope = SCOPES[message.scope];
  if (scope === undefined) return { rejected: `unknown enum: Scope ${Number(message.scope)}` };
  const action = ACTIONS[message.action];
  if (action === undefined) return { rejected: `unknown enum: Action ${Number(message.action)}` };
  return {
    authorization: {
      name: message.name,
      namespace: message.namespace,
      scope,
      action,
      rules: message.rules.map(({ clauses }) => ({
        clauses: clauses.map(({ matches }) => ({ matches: matches.map(matchFromWire) })),
      })),
      dryRun: message.dryRun,
    },
  };
}

const SCOPES: Readonly<Record<number, Authorization['scope']>> = {
  [Scope.GLOBAL]: 'GLOBAL',
  [Scope.NAMESPACE]: 'NAMESPACE',
  [Scope.WORKLOAD_SELECTOR]: 'WORKLOAD_SELECTOR',
};
const ACTIONS: Readonly<Record<number, Authorization['action']>> = { [Action.ALLOW]: 'ALLOW', [Action.DENY]: 'DENY' };

function matchToWire(match: Match): MessageInitShape<typeof MatchSchema> {
  return {
    namespaces: match.namespaces?.map(stringToWire),
    notNamespaces: match.notNamespaces?.map(stringToWire),
    serviceAccounts: match.serviceAccounts?.map((account) => ({ ...account })),
    notServiceAccounts: match.notServiceAccounts?.map((account) => ({ ...account })),
    principals: match.principals?.map(stringToWire),
    notPrincipals: match.notPrincipals?.map(stringToWire),
    sourceIps: match.sourceIps?.map((block) => ({ ...block })),
    notSourceIps: match.notSourceIps?.map((block) => ({ ...block })),
    destinationIps: match.destinationIps?.map((block) => ({ ...block })),
    notDestinationIps: match.notDestinationIps?.map((block) => ({ ...block })),
    destinationPorts: match.destinationPorts && [...match.destinationPorts],
    notDestinationPorts: match.notDestinationPorts && [...match.notDestinationPorts],
  };
}

function stringToWire(match: StringMatch): MessageInitShape<typeof StringMatchSchema> {
  if ('exact' in match) return { matchType: { case: 'exact', value: match.exact } };
  if ('prefix' in match) return { matchType: { case: 'prefix', value: match.prefix } };
  if ('suffix' in match) return { matchType: { case: 'suffix', value: match.suffix } };
  return { matchType: { case: 'presence', value: {} } };
}

function matchFromWire(match: WireMatch): Match {
  return {
    ...present('namespaces', match.namespaces.flatMap(stringFromWire)),
    ...present('notNamespaces', match.notNamespaces.flatMap(stringFromWire)),
    ...present('serviceAccounts', match.serviceAccounts.map(accountFromWire)),
    ...present('notServiceAccounts', match.notServiceAccounts.map(accountFromWire)),
    ...present('principals', match.principals.flatMap(stringFromWire)),
    ...present('notPrincipals', match.notPrincipals.flatMap(stringFromWire)),
    ...present('sourceIps', match.sourceIps.flatMap(blockFromWire)),
    ...present('notSourceIps', match.notSourceIps.flatMap(blockFromWire)),
    ...present('destinationIps', match.destinationIps.flatMap(blockFromWire)),
    ...present('notDestinationIps', match.notDestinationIps.flatMap(blockFromWire)),
    ...present('destinationPorts', match.destinationPorts.map(lower16)),
    ...present('notDestinationPorts', match.notDestinationPorts.map(lower16)),
  };
}

function present<K extends keyof Match>(field: K, values: NonNullable<Match[K]>): Partial<Match> {
  return values.length === 0 ? {} : { [field]: values };
}

function stringFromWire({ matchType }: WireStringMatch): StringMatch[] {
  switch (matchType.case) {
    case 'exact':
      return [{ exact: matchType.value }];
    case 'prefix':
      return [{ prefix: matchType.value }];
    case 'suffix':
      return [{ suffix: matchType.value }];
    case 'presence':
      return [{ presence: true }];
    case undefined:
      return [];
  }
}

function accountFromWire({ namespace, serviceAccount }: WireServiceAccountMatch): ServiceAccountMatch {
  return { namespace, serviceAccount };
}

function blockFromWire({ address, length }: Address): Cidr[] {
  // The length is cast to eight bits before it is checked.
  const bits = length & 0xff;
  return (address.length === 4 || address.length === 16) && bits <= address.length * 8
    ? [{ address, length: bits }]
    : [];
}

function lower16(port: number): number {
  return port & 0xffff;
}
