/** A mutant that changes nothing anybody could notice, with the reason. */
export interface Equivalent {
  /** File in runtime/analysis/rules. */
  readonly file: string;
  readonly original: string;
  readonly change: string;
  readonly why: string;
}

/** Each must exist and survive; one that a test kills does not belong here. */
export const EQUIVALENT: readonly Equivalent[] = [];
