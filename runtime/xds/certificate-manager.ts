import { reasonOf } from '../errors';
import type { CertificateSource, WorkloadCertificate } from '../hbone/model';
import type { Log } from '../telemetry/log';

/** For whom a certificate is fetched; later ones wait for earlier ones. */
export type Priority = 'realTime' | 'warmup' | 'background';

/** What `/config_dump` says of one identity. */
export type CertificateState =
  | { readonly identity: string; readonly state: 'Initializing' }
  | { readonly identity: string; readonly state: 'Available'; readonly certificate: WorkloadCertificate }
  | { readonly identity: string; readonly state: 'Unavailable'; readonly reason: string };

export interface CertificateManagerOptions {
  readonly request: (identity: string) => Promise<WorkloadCertificate>;
  readonly log: Log;
  /** Called with each new certificate, the first and every renewed one. */
  readonly onCertificate?: (certificate: WorkloadCertificate) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** A number in [0, 1), for the jitter. */
  readonly random?: () => number;
}

/** Milliseconds; each failure doubles the delay, give or take the jitter (protocol reference 2.2). */
const backoff = { first: 500, longest: 150_000, jitter: 0.2 } as const;
const concurrency = 8;
const order: readonly Priority[] = ['realTime', 'warmup', 'background'];
/** setTimeout takes 31 bits. */
const longestTimer = 2 ** 31 - 1;

interface Entry {
  readonly identity: string;
  certificate: WorkloadCertificate | undefined;
  failure: string | undefined;
  failures: number;
  /** Place in the queue; undefined while nothing waits to be requested. */
  queued: Priority | undefined;
  requesting: boolean;
  timer: NodeJS.Timeout | undefined;
  waiting: { readonly resolve: (certificate: WorkloadCertificate) => void; readonly reject: (error: Error) => void }[];
}

/** Holds the certificates of the identities in use: one request for each at a time, renewed at half life. */
export class CertificateManager implements CertificateSource, Disposable {
  private readonly entries = new Map<string, Entry>();
  private running = 0;
  private readonly now: () => number;
  private readonly random: () => number;

  constructor(private readonly options: CertificateManagerOptions) {
    this.now = options.now ?? Date.now;
    this.random = options.random ?? Math.random;
  }

  current(identity: string): WorkloadCertificate | undefined {
    const certificate = this.entries.get(identity)?.certificate;
    return certificate !== undefined && certificate.notAfter > this.now() ? certificate : undefined;
  }

  /**
   * The certificate of an identity: at once when there is one, else when the request for it has ended.
   *
   * @throws when the latest request failed; it is repeated in the background until `forget`
   */
  fetch(identity: string, priority: Priority = 'realTime'): Promise<WorkloadCertificate> {
    const current = this.current(identity);
    if (current !== undefined) return Promise.resolve(current);
    const entry = this.entry(identity);
    if (entry.failure !== undefined && !entry.requesting && entry.queued === undefined) {
      return Promise.reject(new Error(entry.failure));
    }
    return new Promise((resolve, reject) => {
      entry.waiting.push({ resolve, reject });
      this.enqueue(entry, priority);
    });
  }

  /** Drops an identity that nobody uses any more. */
  forget(identity: string): void {
    const entry = this.entries.get(identity);
    if (entry === undefined) return;
    this.entries.delete(identity);
    clearTimeout(entry.timer);
    for (const { reject } of entry.waiting.splice(0)) reject(new Error(`identity ${identity} is no longer in use`));
  }

  list(): CertificateState[] {
    return [...this.entries.values()].map(({ identity, certificate, failure }) =>
      certificate !== undefined && certificate.notAfter > this.now()
        ? { identity, state: 'Available', certificate }
        : failure !== undefined
          ? { identity, state: 'Unavailable', reason: failure }
          : { identity, state: 'Initializing' },
    );
  }

  [Symbol.dispose](): void {
    for (const identity of [...this.entries.keys()]) this.forget(identity);
  }

  private entry(identity: string): Entry {
    let entry = this.entries.get(identity);
    if (entry === undefined) {
      entry = {
        identity,
        certificate: undefined,
        failure: undefined,
        failures: 0,
        queued: undefined,
        requesting: false,
        timer: undefined,
        waiting: [],
      };
      this.entries.set(identity, entry);
    }
    return entry;
  }

  private enqueue(entry: Entry, priority: Priority): void {
    if (entry.requesting) return;
    clearTimeout(entry.timer);
    if (entry.queued === undefined || order.indexOf(priority) < order.indexOf(entry.queued)) entry.queued = priority;
    this.next();
  }

  /** Starts requests, most urgent first, up to the limit. */
  private next(): void {
    for (const priority of order) {
      for (const entry of this.entries.values()) {
        if (this.running >= concurrency) return;
        if (entry.queued === priority) void this.request(entry);
      }
    }
  }

  private async request(entry: Entry): Promise<void> {
    entry.queued = undefined;
    entry.requesting = true;
    this.running += 1;
    const result = await this.options.request(entry.identity).catch((error: unknown) => ({ failed: reasonOf(error) }));
    this.running -= 1;
    entry.requesting = false;
    if (this.entries.get(entry.identity) === entry) {
      if ('failed' in result) this.failed(entry, result.failed);
      else this.renewed(entry, result);
    }
    this.next();
  }

  private renewed(entry: Entry, certificate: WorkloadCertificate): void {
    entry.certificate = certificate;
    entry.failure = undefined;
    entry.failures = 0;
    for (const { resolve } of entry.waiting.splice(0)) resolve(certificate);
    this.options.onCertificate?.(certificate);
    const halfLife = certificate.notBefore + (certificate.notAfter - certificate.notBefore) / 2;
    this.schedule(entry, Math.max(halfLife - this.now(), backoff.first));
  }

  private failed(entry: Entry, reason: string): void {
    const factor = 1 + backoff.jitter * (2 * this.random() - 1);
    const delay = Math.min(backoff.first * 2 ** entry.failures, backoff.longest) * factor;
    entry.failures += 1;
    entry.failure = reason;
    const valid = this.current(entry.identity) !== undefined;
    this.options.log.warn(`failed to fetch certificate: ${reason}, retrying in ${Math.round(delay)}ms`, {
      identity: entry.identity,
      valid,
    });
    for (const { reject } of entry.waiting.splice(0)) reject(new Error(reason));
    this.schedule(entry, delay);
  }

  private schedule(entry: Entry, delay: number): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.enqueue(entry, 'background'), Math.min(delay, longestTimer)).unref();
  }
}
