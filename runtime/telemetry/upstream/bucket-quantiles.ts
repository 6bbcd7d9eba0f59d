/** Durations in a Prometheus histogram: what each bucket counted up to its bound, in milliseconds. */
export type Buckets = ReadonlyMap<number, number>;

/**
 * A quantile of a histogram with cumulative buckets, interpolated inside its bucket as Prometheus does.
 *
 * @param q 0 to 1
 * @returns milliseconds; undefined when nothing was counted. Beyond the last bound it is that bound.
 */
export function bucketQuantile(buckets: Buckets, q: number): number | undefined {
  const bounds = [...buckets].sort(([a], [b]) => a - b);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = q * total;
  let [low, below] = [0, 0];
  for (const [bound, count] of bounds) {
    if (count >= wanted && count > below) {
      return Number.isFinite(bound) ? low + ((bound - low) * (wanted - below)) / (count - below) : low;
    }
    [low, below] = [Number.isFinite(bound) ? bound : low, count];
  }
  return low;
}
