import { reasonOf } from '../errors';
import type { Log } from '../telemetry/log';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/**
 * Calls a reconciler once for each key that was added, one call at a time per key; a key added during its call is
 * called again afterwards, a failed call is repeated with growing pauses.
 */
export class ReconcileQueue {
  readonly #state = new Map<string, 'running' | 'again'>();
  readonly #retries = new Map<string, { timer: NodeJS.Timeout; pause: number }>();
  #closed = false;

  constructor(
    private readonly name: string,
    private readonly reconcile: (key: string) => Promise<void>,
    private readonly logger: Log,
  ) {}

  add(key: string): void {
    if (this.#closed) return;
    if (this.#state.has(key)) this.#state.set(key, 'again');
    else void this.#run(key);
  }

  async #run(key: string): Promise<void> {
    do {
      this.#state.set(key, 'running');
      clearTimeout(this.#retries.get(key)?.timer);
      try {
        await this.reconcile(key);
        this.#retries.delete(key);
      } catch (error) {
        this.#retryLater(key, error);
      }
    } while (this.#state.get(key) === 'again' && !this.#closed);
    this.#state.delete(key);
  }

  #retryLater(key: string, error: unknown): void {
    if (this.#closed) return;
    const pause = Math.min((this.#retries.get(key)?.pause ?? FIRST_RETRY_MS / 2) * 2, LAST_RETRY_MS);
    this.logger.warn(`${this.name} failed`, { object: key, error: reasonOf(error), retryMs: pause });
    const timer = setTimeout(() => this.add(key), pause);
    timer.unref();
    this.#retries.set(key, { timer, pause });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { timer } of this.#retries.values()) clearTimeout(timer);
  }
}
