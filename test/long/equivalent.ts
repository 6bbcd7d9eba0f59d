/** A mutant that changes nothing anybody could notice, with the reason. */
export interface Equivalent {
  /** File in runtime/analysis/rules. */
  readonly file: string;
  readonly original: string;
  readonly change: string;
  readonly why: string;
}

/** Each must exist and survive; one that a test kills does not belong here. */
export const EQUIVALENT: readonly Equivalent[] = [
  ...['application-uid.ts', 'services-share-port.ts'].map((file) => ({
    file,
    original: 'workload === undefined',
    change: 'false',
    why: 'All kinds of the rule make pods; the question is for the types only.',
  })),
  {
    file: 'annotation-unknown.ts',
    original: "on === 'label'",
    change: "true in key === name && on === 'label'",
    why: 'The annotations among the documented names are known, and so have been left out before.',
  },
  {
    file: 'image-auto.ts',
    original: 'workload === undefined',
    change: "false in workload === undefined || wantsSidecar(workload) || 'istio.io/rev' in workload.labels",
    why: 'All kinds of the rule make pods; the question is for the types only.',
  },
  {
    file: 'allow-everything.ts',
    original: 'other !== document',
    change: 'true in other !== document && isVoidedBy(other, document)',
    why: "A policy of the open one's own name is none that it voids; this only saves the work.",
  },
  {
    file: 'waypoint-for-mismatch.ts',
    original: '!request',
    change: 'false in !request || !gateway || !isWaypoint(gateway)',
    why: 'Without a request there is no gateway either; the question is for the types only.',
  },
  {
    file: 'l7-allow-denies-everything.ts',
    original: "outcome.authorization.action !== 'ALLOW'",
    change: "false in outcome.kind !== 'sent' || outcome.authorization.action !== 'ALLOW'",
    why: 'A DENY policy with a rule keeps at least one at ztunnel, so it stops at the next line.',
  },
  {
    file: 'l7-allow-denies-everything.ts',
    original: 'outcome.dropped.length === 0',
    change: 'false in outcome.dropped.length === 0 || outcome.authorization.rules.length > 0',
    why: 'Where nothing is dropped there is no place to tell it at.',
  },
  {
    file: 'l7-allow-loses-rules.ts',
    original: "outcome.authorization.action !== 'ALLOW'",
    change: "false in outcome.kind !== 'sent' || outcome.authorization.action !== 'ALLOW'",
    why: 'A DENY policy keeps all its rules at ztunnel, and kept rules are left out.',
  },
  {
    file: 'l7-allow-loses-rules.ts',
    original: 'kept.has(index)',
    change: 'false in kept.has(index) || place === undefined',
    why: 'A rule that an ALLOW policy keeps has no HTTP field, and so no place.',
  },
  {
    file: 'l7-deny-broader.ts',
    original: "outcome.kind !== 'sent'",
    change: "false in outcome.kind !== 'sent' || outcome.noOp || place === undefined",
    why: 'A DENY policy without targets is always sent; the question is for the types only.',
  },
  {
    file: 'l7-deny-without-waypoint.ts',
    original: "outcome.kind !== 'sent'",
    change: "false in outcome.kind !== 'sent' || !outcome.noOp || place === undefined",
    why: 'A DENY policy without targets is always sent; the question is for the types only.',
  },
  {
    file: 'l7-deny-without-waypoint.ts',
    original: "value.spec?.action !== 'DENY'",
    change: "false in value.spec?.action !== 'DENY' || !isForZtunnel(document, mesh)",
    why: 'The compiler calls nothing but a DENY a no-op; this only saves the work.',
  },
  {
    file: 'match-never-holds.ts',
    original: "outcome.kind === 'sent'",
    change: 'true',
    why: 'A policy of rules alone, without action and targets, is always sent.',
  },
  {
    file: 'match-never-holds.ts',
    original: '!Array.isArray(values)',
    change: 'false in !Array.isArray(values) || values.length === 0',
    why: 'The schema lets lists only into these fields.',
  },
  {
    file: 'sidecar-and-ambient.ts',
    original: 'return;',
    change: 'removed',
    why: 'A Namespace makes no pods, so nothing follows.',
  },
  {
    file: 'sidecar-and-ambient.ts',
    original: 'workload === undefined',
    change: 'false in workload === undefined || !wantsSidecar(workload) || isGatewayPod(workload)',
    why: 'All other kinds of the rule make pods; the question is for the types only.',
  },
  {
    file: 'target-waypoint-for.ts',
    original: 'gateway',
    change: "true in gateway && letTake(gateway, 'all')",
    why: 'A waypoint that stands in no file is taken to be for services, so that this one is there.',
  },
  {
    file: 'waypoint-identity-forgotten.ts',
    original: 'ambient: true',
    change: 'false',
    why: 'Whoever has a waypoint is in ambient mode.',
  },
];
