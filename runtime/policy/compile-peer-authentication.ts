import type { AuthorizationPolicy, MtlsMode, PeerAuthentication } from '../api/resources';
import { type MeshSettings, whyNotSent } from './compile-for-ztunnel';
import type { Authorization, Clause, Match, Rule } from './model';

/** The part of a workload that selectors look at. */
export interface SelectableWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PeerAuthenticationOutcome {
  /** Policies to send to ztunnel. */
  readonly authorizations: readonly Authorization[];
  /** Keys (`<namespace>/<name>`) of those of them that apply to a workload, for its `authorization_policies`. */
  policiesForWorkload(workload: SelectableWorkload): string[];
}

const STATIC_STRICT = 'istio_converted_static_strict';
const UNAUTHENTICATED: Match = { notPrincipals: [{ presence: true }] };

/**
 * Translates all PeerAuthentications of the mesh into DENY policies on unauthenticated peers, as istiod does.
 * A workload's own policy comes before its namespace's, that before the root namespace's; of several on one level the
 * oldest counts; UNSET inherits.
 *
 * Two corners follow the documented meaning where upstream's translation and its attachment disagree: below STRICT, a
 * policy of mode UNSET may exempt a port by DISABLE alone (upstream: no effect), and below an UNSET namespace it may
 * exempt one at all (upstream: the whole workload then takes plaintext).
 *
 * @see protocol reference 7.4
 */
export function compilePeerAuthentications(
  all: readonly PeerAuthentication[],
  mesh: MeshSettings,
): PeerAuthenticationOutcome {
  const oldestFirst = [...all].sort(byAge);
  const wide = new Map<string, PeerAuthentication>();
  for (const policy of oldestFirst) {
    const { namespace = '' } = policy.metadata;
    if (!selects(policy) && !wide.has(namespace)) wide.set(namespace, policy);
  }
  const selective = oldestFirst.filter((policy) => selects(policy) && policy.metadata.namespace !== mesh.rootNamespace);
  const inherited = (namespace: string): 'STRICT' | 'PERMISSIVE' =>
    modeOf(wide.get(namespace), modeOf(wide.get(mesh.rootNamespace), 'PERMISSIVE'));
  const effective = (policy: PeerAuthentication) => modeOf(policy, inherited(policy.metadata.namespace ?? ''));
  const own = (workload: SelectableWorkload): PeerAuthentication | undefined =>
    selective.find(
      ({ metadata, spec }) =>
        metadata.namespace === workload.namespace && labelsMatch(spec?.selector?.matchLabels, workload.labels),
    );

  const converted = new Map<PeerAuthentication, Authorization>();
  for (const policy of selective) {
    const rules = portRules(policy, effective(policy));
    if (rules.length > 0) converted.set(policy, deny(policy.metadata.namespace ?? '', convertedName(policy), rules));
  }
  const strict = deny(mesh.rootNamespace, STATIC_STRICT, [{ clauses: [{ matches: [UNAUTHENTICATED] }] }]);

  return {
    authorizations: all.length === 0 ? [] : [strict, ...converted.values()],
    policiesForWorkload(workload) {
      const policy = own(workload);
      const mode = policy ? effective(policy) : inherited(workload.namespace);
      const ports = policy && converted.get(policy);
      // The converted form of a strict policy with exceptions contains the strict default, so the static one stays away.
      const keys = mode === 'STRICT' && !ports ? [`${mesh.rootNamespace}/${STATIC_STRICT}`] : [];
      return ports ? [...keys, `${ports.namespace}/${ports.name}`] : keys;
    },
  };
}

/**
 * Keys of the selector AuthorizationPolicies that apply to a workload, sorted; its namespace's and the root
 * namespace's. Policies that ztunnel does not get are left out.
 *
 * @see protocol reference 1.10, `authorization_policies`
 */
export function authorizationPoliciesForWorkload(
  workload: SelectableWorkload,
  policies: Iterable<AuthorizationPolicy>,
  mesh: MeshSettings,
): string[] {
  const keys: string[] = [];
  for (const policy of policies) {
    const { namespace = '', name } = policy.metadata;
    if (namespace !== workload.namespace && namespace !== mesh.rootNamespace) continue;
    const selector = policy.spec?.selector;
    if (!selector || whyNotSent(policy) || !labelsMatch(selector.matchLabels, workload.labels)) continue;
    keys.push(`${namespace}/${name}`);
  }
  return keys.sort();
}

function portRules(policy: PeerAuthentication, mode: 'STRICT' | 'PERMISSIVE'): Rule[] {
  const ports = Object.entries(policy.spec?.portLevelMtls ?? {})
    .map(([port, mtls]) => ({ port: Number(port), mode: resolve(mtls?.mode, mode) }))
    .filter((entry) => entry.mode !== mode && Number.isInteger(entry.port))
    .sort((a, b) => a.port - b.port);
  if (ports.length === 0) return [];
  if (mode === 'PERMISSIVE') {
    return ports.map(({ port }) => ({ clauses: [{ matches: [{ ...UNAUTHENTICATED, destinationPorts: [port] }] }] }));
  }
  const exempt = ports.map(({ port }): Clause => ({ matches: [{ notDestinationPorts: [port] }] }));
  return [{ clauses: [{ matches: [UNAUTHENTICATED] }, ...exempt] }];
}

function deny(namespace: string, name: string, rules: Rule[]): Authorization {
  return { name, namespace, scope: 'WORKLOAD_SELECTOR', action: 'DENY', rules, dryRun: false };
}

function convertedName(policy: PeerAuthentication): string {
  return `converted_peer_authentication_${policy.metadata.name}`;
}

/** DISABLE is PERMISSIVE here: between pods of the mesh, ztunnel uses HBONE all the same. */
function resolve(mode: MtlsMode | undefined, inherited: 'STRICT' | 'PERMISSIVE'): 'STRICT' | 'PERMISSIVE' {
  if (mode === undefined || mode === 'UNSET') return inherited;
  return mode === 'STRICT' ? 'STRICT' : 'PERMISSIVE';
}

function modeOf(policy: PeerAuthentication | undefined, inherited: 'STRICT' | 'PERMISSIVE'): 'STRICT' | 'PERMISSIVE' {
  return resolve(policy?.spec?.mtls?.mode, inherited);
}

function selects(policy: PeerAuthentication): boolean {
  return Object.keys(policy.spec?.selector?.matchLabels ?? {}).length > 0;
}

/** Whether all wanted labels are there; without any wanted, every workload fits. */
export function labelsMatch(
  wanted: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);
}

/** Creation time, then namespace and name, so that the outcome does not hang on the order of the list. */
function byAge(a: PeerAuthentication, b: PeerAuthentication): number {
  const key = ({ metadata }: PeerAuthentication) => [
    metadata.creationTimestamp ?? '',
    metadata.namespace ?? '',
    metadata.name,
  ];
  const [left, right] = [key(a), key(b)];
  for (const [index, part] of left.entries()) {
    const other = right[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}
