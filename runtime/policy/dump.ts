import { formatCidr } from './address';
import type { Authorization, Cidr, Match, StringMatch } from './model';

/** A policy as `policies[]` of ztunnel's `/config_dump`; `rules` nests OR, AND, OR. Readers: istioctl. */
export interface DumpedPolicy {
  readonly name: string;
  readonly namespace: string;
  readonly scope: 'Global' | 'Namespace' | 'WorkloadSelector';
  readonly action: 'Allow' | 'Deny';
  readonly rules: readonly (readonly (readonly Readonly<Record<string, unknown>>[])[])[];
  readonly dryRun: boolean;
}

const SCOPES = { GLOBAL: 'Global', NAMESPACE: 'Namespace', WORKLOAD_SELECTOR: 'WorkloadSelector' } as const;

/**
 * Absent fields are left out, and presence is an empty list, as serde writes a variant without fields.
 *
 * @see protocol reference 10.3
 */
export function dumpAuthorization(policy: Authorization): DumpedPolicy {
  return {
    name: policy.name,
    namespace: policy.namespace,
    scope: SCOPES[policy.scope],
    action: policy.action === 'ALLOW' ? 'Allow' : 'Deny',
    rules: policy.rules.map(({ clauses }) => clauses.map(({ matches }) => matches.map(dumpMatch))),
    dryRun: policy.dryRun,
  };
}

function dumpMatch(match: Match): Record<string, unknown> {
  const fields: Readonly<Record<keyof Match, readonly unknown[] | undefined>> = {
    namespaces: match.namespaces?.map(dumpString),
    notNamespaces: match.notNamespaces?.map(dumpString),
    serviceAccounts: match.serviceAccounts,
    notServiceAccounts: match.notServiceAccounts,
    principals: match.principals?.map(dumpString),
    notPrincipals: match.notPrincipals?.map(dumpString),
    sourceIps: match.sourceIps?.map(dumpBlock),
    notSourceIps: match.notSourceIps?.map(dumpBlock),
    destinationIps: match.destinationIps?.map(dumpBlock),
    notDestinationIps: match.notDestinationIps?.map(dumpBlock),
    destinationPorts: match.destinationPorts,
    notDestinationPorts: match.notDestinationPorts,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, values]) => values?.length));
}

function dumpString(match: StringMatch): Record<string, string | readonly []> {
  if ('exact' in match) return { Exact: match.exact };
  if ('prefix' in match) return { Prefix: match.prefix };
  if ('suffix' in match) return { Suffix: match.suffix };
  return { Presence: [] };
}

function dumpBlock(block: Cidr): string {
  return formatCidr(block);
}
