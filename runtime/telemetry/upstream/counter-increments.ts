import type { MetricSample } from './metrics-text';

export interface Increment extends Omit<MetricSample, 'key' | 'value'> {
  /** What was counted since the page was read before. */
  readonly increment: number;
}

export interface Increments {
  readonly increments: readonly Increment[];
  /** Since the page was read before. */
  readonly seconds: number;
}

/**
 * Turns the counters of one process into what they counted between two readings. A counter that went down was started
 * anew and counts from zero; one that is new since the first reading counts in full. Another process gets another one of
 * these: its counters have nothing to do with those of the one before.
 */
export class CounterIncrements {
  #last = new Map<string, number>();
  #time: number | undefined;

  /**
   * @param time milliseconds when the page was read
   * @returns undefined for the first reading, which is only what later ones are compared with
   */
  take(samples: readonly MetricSample[], time: number): Increments | undefined {
    const before = this.#last;
    const since = this.#time;
    this.#last = new Map(samples.map(({ key, value }) => [key, value]));
    this.#time = time;
    if (since === undefined) return undefined;
    return {
      seconds: Math.max(0.001, (time - since) / 1000),
      increments: samples.map(({ name, labels, key, value }) => {
        const last = before.get(key) ?? 0;
        return { name, labels, increment: value >= last ? value - last : value };
      }),
    };
  }
}
