/** A proxy that is read now and then. */
export interface Turn {
  readonly key: string;
  /** When it was read last, in milliseconds; undefined when never. */
  readonly readAt?: number;
  /** How often it was read. */
  readonly readings: number;
  /** Counts for more in the choice: what somebody looks at, and what had traffic. */
  readonly weight: number;
}

/** The same proxy is read no more often, in milliseconds: rates over less say little. */
const LEAST_INTERVAL_MS = 2_000;
/** The second reading gives the first rate, so it comes early. */
const SECOND_READING_MS = 5_000;

/**
 * Chooses the proxy to read next: those never read, then those that have no rate yet, then by age times weight.
 *
 * @returns undefined when all were read just now
 */
export function nextTurn(turns: Iterable<Turn>, now: number): Turn | undefined {
  let best: Turn | undefined;
  let most = 0;
  for (const turn of turns) {
    const urgency = urgencyOf(turn, now);
    if (urgency > most) [best, most] = [turn, urgency];
  }
  return best;
}

function urgencyOf({ readAt, readings, weight }: Turn, now: number): number {
  if (readAt === undefined) return 1e12 * weight;
  const age = now - readAt;
  if (age < LEAST_INTERVAL_MS) return 0;
  if (readings === 1 && age >= SECOND_READING_MS) return 1e9 * weight + age;
  return age * weight;
}
