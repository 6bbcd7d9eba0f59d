const QUIET_MS = 5;
const LONGEST_MS = 20;

/** Calls a function once changes pause for 5 ms, and at the latest 20 ms after the first. */
export class Debounce {
  #timer: NodeJS.Timeout | undefined;
  #latest = 0;

  constructor(private readonly run: () => void) {}

  trigger(): void {
    const now = Date.now();
    if (this.#timer === undefined) this.#latest = now + LONGEST_MS;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), Math.max(0, Math.min(QUIET_MS, this.#latest - now)));
  }

  /** Runs what is waiting now. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.run();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
