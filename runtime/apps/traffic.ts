import { emptyCount, outcomeOf, reasonOfEnding, type TargetCount } from './traffic-count';
import { sendRequest } from './traffic-request';
import type { Answer, Call } from './json-server';
import type { Target } from './traffic-target';

/** Milliseconds between attempts at a target that has not answered yet. */
const WARMUP_INTERVAL_MS = 250;
/** A generator that was held up longer than this many milliseconds skips what it missed instead of bursting. */
const MAX_LAG_MS = 250;

/**
 * Sends each target's requests at its rate, on deadlines, and counts how they ended. What fails before a target has
 * answered once counts as warm-up: a generator may start before the shop does.
 */
export class Traffic {
  readonly #targets: readonly Target[];
  readonly #timers = new Map<Target, NodeJS.Timeout>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #warm = new Set<Target>();
  #counts = new Map<Target, TargetCount>();
  #since = Date.now();
  #stopped = false;

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
    this.reset();
  }

  start(): void {
    this.#targets.forEach((target, index) => {
      const interval = 1000 / target.rate;
      // Targets of one rate do not fire in the same instant.
      this.#schedule(target, performance.now() + (interval * index) / this.#targets.length);
    });
  }

  reset(): void {
    this.#since = Date.now();
    this.#counts = new Map(this.#targets.map((target) => [target, emptyCount(target)]));
  }

  /** Times in milliseconds since the epoch; `sent` runs ahead of the outcomes by `inFlight`. */
  counts(): { since: number; now: number; inFlight: number; targets: TargetCount[] } {
    return {
      since: this.#since,
      now: Date.now(),
      inFlight: this.#inFlight.size,
      targets: [...this.#counts.values()],
    };
  }

  /** `GET /counts`, `POST /counts/reset` (answers the counts that it clears). */
  readonly handle = (call: Call): Answer => {
    if (call.method === 'GET' && call.path === '/counts') return { body: this.counts() };
    if (call.method === 'POST' && call.path === '/counts/reset') {
      const body = this.counts();
      this.reset();
      return { body };
    }
    return { status: 404, body: { error: 'GET /counts, POST /counts/reset' } };
  };

  /** Sends no more and waits for what is in flight. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#inFlight);
  }

  #schedule(target: Target, deadline: number): void {
    const wait = Math.max(0, deadline - performance.now());
    this.#timers.set(
      target,
      setTimeout(() => this.#fire(target, deadline), wait),
    );
  }

  #fire(target: Target, deadline: number): void {
    const warm = this.#warm.has(target);
    const done = this.#send(target, warm);
    this.#inFlight.add(done);
    void done.finally(() => this.#inFlight.delete(done));
    const now = performance.now();
    if (warm) {
      const next = deadline + 1000 / target.rate;
      this.#schedule(target, next < now - MAX_LAG_MS ? now : next);
      return;
    }
    void done.then(() => {
      if (this.#stopped) return;
      this.#schedule(target, performance.now() + (this.#warm.has(target) ? 1000 / target.rate : WARMUP_INTERVAL_MS));
    });
  }

  async #send(target: Target, warm: boolean): Promise<void> {
    const count = this.#counts.get(target);
    if (count === undefined) return;
    if (warm) count.sent += 1;
    const begin = performance.now();
    const ending = await sendRequest(target);
    const outcome = outcomeOf(ending, target.expect);
    if (!warm) {
      if (outcome === 'failed') return void (count.warmup += 1);
      this.#warm.add(target);
      count.sent += 1;
    }
    count[outcome] += 1;
    if (ending.kind === 'answered') count.durationMs += performance.now() - begin;
    if (outcome === 'failed') count.lastFailure = { time: Date.now(), reason: reasonOfEnding(ending) };
  }
}
