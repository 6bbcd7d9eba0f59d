/** An error or warning about a sample that others published, with the reason why it is true. */
export interface TrueFinding {
  readonly collection: string;
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly reason: string;
}

export const TRUE_FINDINGS: readonly TrueFinding[] = [];
