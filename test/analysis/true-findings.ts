/** An error or warning about a sample that others published, with the reason why it is true. */
export interface TrueFinding {
  readonly collection: string;
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly reason: string;
}

export const TRUE_FINDINGS: readonly TrueFinding[] = [
  {
    collection: 'istio.io/istio/samples',
    file: 'bookinfo/networking/fault-injection-details-v1.yaml',
    line: 18,
    code: 'AMB4023',
    reason: 'The first route has no match and takes every request, so the second is never used.',
  },
];
