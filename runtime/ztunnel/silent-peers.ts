import { Gauge, type Registry } from 'prom-client';
import { formatAuthority } from '../hbone/address';
import type { Workload } from '../xds/mesh-model';

/** A peer that was silent once, and that nobody has asked since, is no news any more (milliseconds). */
const MEMORY_MS = 120_000;

interface Silence {
  readonly workload: Workload;
  readonly address: string;
  readonly at: number;
}

/**
 * Workloads whose HBONE port does not answer: not refused, as by a pod that ends, but silent, as behind a firewall or a
 * NetworkPolicy. Served as a metric, from which `ambient status` explains it.
 */
export class SilentPeers {
  readonly #peers = new Map<string, Silence>();

  constructor(
    registry: Registry,
    private readonly now: () => number = Date.now,
  ) {
    const labels = (): Record<string, string>[] => this.#labels();
    new Gauge({
      name: 'ambient_hbone_silent_peers',
      help: 'Workloads whose HBONE port does not answer connections of this node',
      labelNames: ['destination_node', 'destination_namespace', 'destination_pod', 'destination_address'],
      registers: [registry],
      collect() {
        this.reset();
        for (const peer of labels()) this.set(peer, 1);
      },
    });
  }

  #labels(): Record<string, string>[] {
    for (const [uid, { at }] of this.#peers) if (this.now() - at > MEMORY_MS) this.#peers.delete(uid);
    return [...this.#peers.values()].map(({ workload, address }) => ({
      destination_node: workload.node,
      destination_namespace: workload.namespace,
      destination_pod: workload.name,
      destination_address: address,
    }));
  }

  /** A connection to the workload's HBONE port was not answered. */
  silent(workload: Workload, address: string, port: number): void {
    this.#peers.set(workload.uid, { workload, address: formatAuthority(address, port), at: this.now() });
  }

  /** The workload's HBONE port answers. */
  answered(workload: Workload): void {
    this.#peers.delete(workload.uid);
  }
}
