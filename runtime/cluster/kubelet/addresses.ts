import { POD_PREFIX } from '../node/addresses';

const FIRST = 2;
const LAST = 254;

/** Addresses of the node's pods. An address comes back into use as late as possible, so that nobody meets a stale one. */
export class PodAddresses {
  readonly #used = new Set<number>();
  #next = FIRST;

  /** @param wanted the address that the pod had before, taken again when it is free */
  take(wanted?: string): string {
    const before = wanted?.startsWith(`${POD_PREFIX}.`) ? Number(wanted.slice(POD_PREFIX.length + 1)) : 0;
    if (before >= FIRST && before <= LAST && !this.#used.has(before)) return this.#use(before);
    for (let tried = FIRST; tried <= LAST; tried++) {
      const candidate = this.#next;
      this.#next = candidate === LAST ? FIRST : candidate + 1;
      if (!this.#used.has(candidate)) return this.#use(candidate);
    }
    throw new Error(`no free address in ${POD_PREFIX}.0/24`);
  }

  release(address: string): void {
    this.#used.delete(Number(address.slice(POD_PREFIX.length + 1)));
  }

  #use(host: number): string {
    this.#used.add(host);
    return `${POD_PREFIX}.${host}`;
  }
}
