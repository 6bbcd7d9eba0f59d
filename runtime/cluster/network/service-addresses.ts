import { KIND } from '../../api/kinds';
import type { EndpointSlice, Service } from '../../api/resources';
import { reasonOf } from '../../errors';
import type { Store } from '../store/store';
import { applyRules } from './nft';
import { serviceRules, virtualPorts } from './service-rules';

/** Changes within so many milliseconds share one transaction. */
const DEBOUNCE_MS = 3;
const RETRY_MS = 500;

/** Keeps the node's service addresses as Services and EndpointSlices say. */
export class ServiceAddresses {
  readonly #watches: Disposable[];
  #applied = '';
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly store: Store) {
    const changed = (): void => this.#schedule(DEBOUNCE_MS);
    this.#watches = [store.watch(KIND.Service, changed), store.watch(KIND.EndpointSlice, changed)];
  }

  /** Programs the present state; resolves when the kernel has it. */
  apply(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One after another: an older state must not overtake a newer one.
    const turn = this.#last.catch(() => {}).then(() => this.#program());
    this.#last = turn;
    return turn;
  }

  async #program(): Promise<void> {
    const services = this.store.list<Service>(KIND.Service);
    const script = serviceRules(virtualPorts(services, this.store.list<EndpointSlice>(KIND.EndpointSlice)));
    if (script === this.#applied) return;
    await applyRules(script);
    this.#applied = script;
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.apply().catch((error: unknown) => {
        console.error(`service addresses: ${reasonOf(error)}`);
        this.#schedule(RETRY_MS);
      });
    }, ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }
}
