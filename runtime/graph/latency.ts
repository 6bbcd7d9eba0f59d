/** Upper bounds grow by 2^(1/4): a quantile is exact to about 19 %, from 0.1 ms to a minute. */
const GROWTH = 2 ** 0.25;
const LOWEST_MS = 0.1;
const BUCKETS = 80;

/** Counts of durations in logarithmic buckets; cheap to add, to merge and to forget. */
export type Histogram = Uint32Array;

export function createHistogram(): Histogram {
  return new Uint32Array(BUCKETS);
}

/** Adds one duration in milliseconds. */
export function observe(histogram: Histogram, milliseconds: number): void {
  const bucket = milliseconds <= LOWEST_MS ? 0 : Math.ceil(Math.log(milliseconds / LOWEST_MS) / Math.log(GROWTH));
  const index = Math.min(bucket, BUCKETS - 1);
  histogram[index] = (histogram[index] ?? 0) + 1;
}

/** The q-quantile (0 to 1) over several histograms in milliseconds, or undefined when they are empty. */
export function quantile(histograms: Iterable<Histogram>, q: number): number | undefined {
  const sum = createHistogram();
  let total = 0;
  for (const histogram of histograms) {
    for (let index = 0; index < BUCKETS; index++) {
      const count = histogram[index] ?? 0;
      sum[index] = (sum[index] ?? 0) + count;
      total += count;
    }
  }
  if (total === 0) return undefined;
  let seen = 0;
  for (let index = 0; index < BUCKETS; index++) {
    seen += sum[index] ?? 0;
    if (seen >= q * total) return LOWEST_MS * GROWTH ** (index - 0.5);
  }
  return undefined;
}
