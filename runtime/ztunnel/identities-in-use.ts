import type { CertificateManager } from '../xds/certificate-manager';

/** Fetches the certificate of an identity when its first pod comes, and drops it when its last one has gone. */
export class IdentitiesInUse {
  readonly #holders = new Map<object, string>();

  constructor(private readonly certificates: Pick<CertificateManager, 'fetch' | 'forget'>) {}

  hold(holder: object, identity: string): void {
    this.#holders.set(holder, identity);
    // A failure is logged and repeated by the manager; connections that need the certificate say so themselves.
    this.certificates.fetch(identity, 'warmup').catch(() => {});
  }

  release(holder: object): void {
    const identity = this.#holders.get(holder);
    this.#holders.delete(holder);
    if (identity === undefined || [...this.#holders.values()].includes(identity)) return;
    this.certificates.forget(identity);
  }
}
