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
 * Translates all PeerAuthentications of the mesh into DENY policies on unauthenticated peers, exactly as istiod does.
 * A workload's own policy comes before its namespace's, that before the root namespace's; of several on one level the
 * oldest counts; UNSET inherits.
 *
 * Upstream decides in two places, which disagree in corners: what a policy with port modes is translated to
 * (`translate`), and which policies a workload gets (`policiesForWorkload`). Where the second names what the first did
 * not make, ztunnel knows no such policy, and the workload takes plaintext on every port.
 *
 * @see protocol reference 7.4
 */
export function compilePeerAuthentications(
  all: readonly PeerAuthentication[],
  mesh: MeshSettings,
): PeerAuthenticationOutcome {
  const oldestFirst = [...all].sort(byAge);
  const isRoot = ({ metadata }: PeerAuthentication): boolean => metadata.namespace === mesh.rootNamespace;
  const root = oldestFirst.find((policy) => isRoot(policy) && !hasSelector(policy));
  const converted = oldestFirst.flatMap((policy) => {
    const { namespace = '' } = policy.metadata;
    if (isRoot(policy) || !hasSelector(policy)) return [];
    const wide = oldestFirst.find((other) => other.metadata.namespace === namespace && !hasSelector(other));
    const rules = translate(policy, modeOf(wide), modeOf(root));
    return rules.length > 0 ? [deny(namespace, convertedName(policy), rules)] : [];
  });
  const strict = deny(mesh.rootNamespace, STATIC_STRICT, [{ clauses: [{ matches: [UNAUTHENTICATED] }] }]);

  return {
    authorizations: all.length === 0 ? [] : [strict, ...converted],
    policiesForWorkload({ namespace, labels }) {
      const applicable = oldestFirst.filter(
        (policy) =>
          (isRoot(policy) && !hasSelector(policy)) ||
          (policy.metadata.namespace === namespace && labelsMatch(policy.spec?.selector?.matchLabels, labels)),
      );
      const meshWide = applicable.find((policy) => isRoot(policy) && !selects(policy));
      const namespaceWide = applicable.find((policy) => !isRoot(policy) && !selects(policy));
      const own = applicable.find((policy) => !isRoot(policy) && selects(policy));
      const mode = modeOf(own) ?? 'UNSET';
      const effective = [mode, modeOf(namespaceWide), modeOf(meshWide)].find((each) => each && each !== 'UNSET');
      const isStrict = effective === 'STRICT';
      const exceptions = own !== undefined && portModes(own).some((port) => isException(port, mode, isStrict));
      const keys = isStrict && !exceptions ? [`${mesh.rootNamespace}/${STATIC_STRICT}`] : [];
      // The translation of a strict policy with exceptions contains the strict default, so the static one stays away.
      return exceptions ? [...keys, `${namespace}/${convertedName(own)}`] : keys;
    },
  };
}

type Modes = readonly (readonly [port: number, mode: MtlsMode])[];

/** Whether a port's mode makes a workload's own policy count beside the effective mode. */
function isException([, port]: Modes[number], own: MtlsMode, isStrict: boolean): boolean {
  if (!isStrict) return port === 'STRICT';
  return port === 'PERMISSIVE' || (port === 'DISABLE' && own === 'STRICT');
}

/** The rules for the ports of a policy with a selector; none where the effective mode says all. */
function translate(policy: PeerAuthentication, wide: MtlsMode | undefined, root: MtlsMode | undefined): Rule[] {
  const mode = modeOf(policy) ?? 'UNSET';
  const belowStrictRoot = (wide === undefined || wide === 'UNSET') && root === 'STRICT';
  const strict = portModes(policy).filter(
    ([, port]) =>
      port === 'STRICT' && mode !== 'STRICT' && !(mode === 'UNSET' && wide === 'STRICT') && !belowStrictRoot,
  );
  const inheritsStrict = (wide ?? root) === 'STRICT';
  const exempt = portModes(policy).filter(
    ([, port]) =>
      (port === 'PERMISSIVE' || port === 'DISABLE') && (mode === 'STRICT' || (mode === 'UNSET' && inheritsStrict)),
  );
  if (mode === 'STRICT' && exempt.length === 0) return [];
  const unauthenticated: Clause = { matches: [UNAUTHENTICATED] };
  const clauses: Clause[] = [
    ...(mode === 'STRICT' ? [unauthenticated] : []),
    ...exempt.map(([port]): Clause => ({ matches: [{ notDestinationPorts: [port] }] })),
    ...(exempt.length > 0 && (wide === 'STRICT' || belowStrictRoot) ? [unauthenticated] : []),
  ];
  return [
    ...strict.map(([port]): Rule => ({ clauses: [{ matches: [{ ...UNAUTHENTICATED, destinationPorts: [port] }] }] })),
    ...(clauses.length > 0 ? [{ clauses }] : []),
  ];
}

/**
 * Keys of the selector AuthorizationPolicies that apply to a workload, sorted; its namespace's and the root
 * namespace's. Policies that ztunnel does not get are left out. `selector: {}` selects nothing, `matchLabels: {}` all.
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
    const wanted = policy.spec?.selector?.matchLabels;
    if (!wanted || whyNotSent(policy) || !labelsMatch(wanted, workload.labels)) continue;
    keys.push(`${namespace}/${name}`);
  }
  return keys.sort();
}

function deny(namespace: string, name: string, rules: Rule[]): Authorization {
  return { name, namespace, scope: 'WORKLOAD_SELECTOR', action: 'DENY', rules, dryRun: false };
}

function convertedName(policy: PeerAuthentication): string {
  return `converted_peer_authentication_${policy.metadata.name}`;
}

function modeOf(policy: PeerAuthentication | undefined): MtlsMode | undefined {
  return policy && (policy.spec?.mtls?.mode ?? 'UNSET');
}

/** The modes of single ports, by port. */
function portModes(policy: PeerAuthentication): Modes {
  return Object.entries(policy.spec?.portLevelMtls ?? {})
    .map(([port, mtls]): Modes[number] => [Number(port), mtls?.mode ?? 'UNSET'])
    .sort(([a], [b]) => a - b);
}

function hasSelector(policy: PeerAuthentication): boolean {
  return policy.spec?.selector !== undefined;
}

/** Whether a policy is about some workloads only; `selector: {}` is not. */
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
