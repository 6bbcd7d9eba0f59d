import type { AuthorizationOperation, AuthorizationSource } from '../api/resources';
import { parseCidr } from './address';
import type { Cidr, Match, ServiceAccountMatch, StringMatch } from './model';
import { parseStringMatch } from './string-match';

/** A value that has no meaning for its field, e.g. the port `http`; the data plane skips it. */
export interface Problem {
  /** Place in the policy, e.g. `spec.rules[0].to[1].operation.ports[0]`. */
  readonly path: string;
  readonly message: string;
}

/** Where values stand, for problems, and the policy's namespace, for service accounts without one. */
export interface Place {
  readonly path: string;
  readonly namespace: string;
  readonly problems: Problem[];
}

type Parse<T> = (text: string, namespace: string) => T | undefined;

const port: Parse<number> = (text) => (/^\d+$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined);
const cidr: Parse<Cidr> = (text) => parseCidr(text);
const string: Parse<StringMatch> = (text) => parseStringMatch(text);
const serviceAccount: Parse<ServiceAccountMatch> = (text, namespace) => {
  const slash = text.indexOf('/');
  return slash < 0
    ? { namespace, serviceAccount: text }
    : { namespace: text.slice(0, slash), serviceAccount: text.slice(slash + 1) };
};

/** Fields of `source` that ztunnel can match, with their counterparts in a match (protocol reference 7.1). */
const SOURCE = [
  ['ipBlocks', 'sourceIps', cidr, 'an IP address or CIDR block'],
  ['notIpBlocks', 'notSourceIps', cidr, 'an IP address or CIDR block'],
  ['namespaces', 'namespaces', string, ''],
  ['notNamespaces', 'notNamespaces', string, ''],
  ['serviceAccounts', 'serviceAccounts', serviceAccount, ''],
  ['notServiceAccounts', 'notServiceAccounts', serviceAccount, ''],
  ['principals', 'principals', string, ''],
  ['notPrincipals', 'notPrincipals', string, ''],
] as const satisfies readonly (readonly [keyof AuthorizationSource, keyof Match, Parse<unknown>, string])[];

const OPERATION = [
  ['ports', 'destinationPorts', port, 'a port number'],
  ['notPorts', 'notDestinationPorts', port, 'a port number'],
] as const satisfies readonly (readonly [keyof AuthorizationOperation, keyof Match, Parse<unknown>, string])[];

/** The `when` keys that ztunnel can match; every other key needs a waypoint. */
const WHEN: Readonly<Record<string, readonly [keyof Match, keyof Match, Parse<unknown>, string]>> = {
  'source.ip': ['sourceIps', 'notSourceIps', cidr, 'an IP address or CIDR block'],
  'source.namespace': ['namespaces', 'notNamespaces', string, ''],
  'source.principal': ['principals', 'notPrincipals', string, ''],
  'destination.ip': ['destinationIps', 'notDestinationIps', cidr, 'an IP address or CIDR block'],
  'destination.port': ['destinationPorts', 'notDestinationPorts', port, 'a port number'],
};

/** Fields of `source` and `operation` that only a waypoint can match. */
export const L7_SOURCE = [
  'requestPrincipals',
  'notRequestPrincipals',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
] as const satisfies readonly (keyof AuthorizationSource)[];
export const L7_OPERATION = [
  'hosts',
  'notHosts',
  'methods',
  'notMethods',
  'paths',
  'notPaths',
] as const satisfies readonly (keyof AuthorizationOperation)[];

/** Whether ztunnel understands this `when` key. */
export function isL4Key(key: string): boolean {
  return Object.hasOwn(WHEN, key);
}

/** The L4 part of a source; unreadable values are left out and reported in `place.problems`. */
export function matchSource(source: AuthorizationSource, place: Place): Match {
  return Object.assign(
    {},
    ...SOURCE.map(([from, to, parse, wanted]) => fieldOf(from, to, source[from], parse, wanted, place)),
  ) as Match;
}

/** The L4 part of an operation: its ports. */
export function matchOperation(operation: AuthorizationOperation, place: Place): Match {
  return Object.assign(
    {},
    ...OPERATION.map(([from, to, parse, wanted]) => fieldOf(from, to, operation[from], parse, wanted, place)),
  ) as Match;
}

/** The match of a condition, empty when its key is L7. */
export function matchCondition(
  when: { readonly key: string; readonly values?: readonly string[]; readonly notValues?: readonly string[] },
  place: Place,
): Match {
  const fields = isL4Key(when.key) ? WHEN[when.key] : undefined;
  if (fields === undefined) return {};
  const [positive, negative, parse, wanted] = fields;
  return {
    ...fieldOf('values', positive, when.values, parse, wanted, place),
    ...fieldOf('notValues', negative, when.notValues, parse, wanted, place),
  };
}

function fieldOf(
  from: string,
  to: keyof Match,
  values: readonly string[] | undefined,
  parse: Parse<unknown>,
  wanted: string,
  place: Place,
): Partial<Match> {
  const parsed: unknown[] = [];
  for (const [index, text] of (values ?? []).entries()) {
    const value = parse(String(text), place.namespace);
    if (value !== undefined) parsed.push(value);
    else
      place.problems.push({
        path: `${place.path}.${from}[${index}]`,
        message: `${JSON.stringify(text)} is not ${wanted}`,
      });
  }
  return parsed.length === 0 ? {} : { [to]: parsed };
}
