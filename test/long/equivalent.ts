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
    file: 'target-waypoint-for.ts',
    original: 'gateway',
    change: "true in gateway && letTake(gateway, 'all')",
    why: 'A waypoint that stands in no file is taken to be for services, so that this one is there.',
  },
];
