const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/**
 * A Gateway API duration (GEP-2257), e.g. `1h30m`, `500ms`, in milliseconds.
 *
 * @returns undefined when the text is none
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,5}(h|ms|m|s)){1,4}$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(h|ms|m|s)/g)) total += Number(count) * (UNITS[unit ?? ''] ?? 0);
  return total;
}
