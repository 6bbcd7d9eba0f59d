import type { FlowRecord } from '../telemetry/flow-record';

/**
 * Counts connections between pods of one enrolled namespace, and how many of them ran over mTLS: the source's ztunnel
 * tells of its own, the destination's of what came in plain.
 */
export class MtlsShare {
  #all = 0;
  #mtls = 0;

  constructor(private readonly namespace: string) {}

  add(record: FlowRecord): void {
    if (record.event !== 'open' || record.source.namespace !== this.namespace) return;
    const inside = record.destination.namespace === this.namespace;
    const counted =
      record.reporter === 'source' ? record.verdict !== 'error' : record.reporter === 'destination' && !record.mtls;
    if (!inside || !counted) return;
    this.#all += 1;
    if (record.mtls) this.#mtls += 1;
  }

  /** 0 to 1; 1 when there was no connection at all. */
  get share(): number {
    return this.#all === 0 ? 1 : this.#mtls / this.#all;
  }
}
