import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../errors';
import { listenPackets, type PacketConnection, type PacketListener } from '../redirect/packet-socket';
import { log } from '../telemetry/log';
import { ZdsConnection, ZtunnelRefusal, type ZdsWorkload } from './zds-connection';

const logger = log('zds');

export interface ZdsOptions {
  /** Runs before a ztunnel hears of any pod; the connection is closed when it rejects. */
  readonly beforeSnapshot: () => Promise<void>;
  /** A ztunnel knows every pod now. */
  readonly onSnapshot: () => void;
}

/**
 * Tells ztunnels about the pods of this node. Each that connects gets all of them and then the changes; with several, as
 * during an upgrade, additions go to the newest and deletions to all.
 */
export class ZdsServer {
  readonly #workloads = new Map<string, ZdsWorkload>();
  readonly #connections: ZdsConnection[] = [];
  #listener: PacketListener | undefined;

  constructor(
    readonly path: string,
    private readonly options: ZdsOptions,
  ) {}

  /** Starts to listen, in the place of an earlier agent; whoever connects gets what was `remember`ed until then. */
  listen(): void {
    mkdirSync(path.dirname(this.path), { recursive: true });
    this.#listener = listenPackets(this.path);
    void this.#accept(this.#listener);
  }

  get listening(): boolean {
    return this.#listener !== undefined;
  }

  /** Number of ztunnels that have had their snapshot. */
  get connected(): number {
    return this.#connections.length;
  }

  /** Puts a pod into later snapshots without telling anyone now. */
  remember(workload: ZdsWorkload): void {
    this.#workloads.set(workload.uid, workload);
  }

  /**
   * Tells the newest ztunnel about a pod and waits until it listens there.
   *
   * @throws when no ztunnel is connected, or with ztunnel's reason
   */
  async add(workload: ZdsWorkload): Promise<void> {
    this.remember(workload);
    const newest = this.#connections.at(-1);
    if (newest === undefined) throw new Error('no ztunnel is connected');
    await newest.add(workload);
  }

  /** Tells every ztunnel that a pod left. */
  async remove(uid: string): Promise<void> {
    if (!this.#workloads.delete(uid)) return;
    await Promise.all(
      this.#connections.map((connection) =>
        connection
          .delete(uid)
          .catch((error: unknown) => logger.warn('ztunnel did not take a deletion', { uid, error: reasonOf(error) })),
      ),
    );
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#connections) connection.close();
  }

  async #accept(listener: PacketListener): Promise<void> {
    for (let packets = await listener.accept(); packets !== undefined; packets = await listener.accept()) {
      void this.#serve(packets);
    }
  }

  async #serve(packets: PacketConnection): Promise<void> {
    const connection = new ZdsConnection(packets);
    try {
      const version = await connection.hello();
      if (version === undefined) return;
      await this.options.beforeSnapshot();
      await this.#snapshot(connection);
      logger.info('ztunnel connected', { version, pods: this.#workloads.size });
      this.#connections.push(connection);
      this.options.onSnapshot();
      // Exchanges read the answers; what ends the connection is seen by the next of them, or by the kernel.
      await packets.ended();
      logger.info('ztunnel disconnected', {});
    } catch (error) {
      logger.warn('lost ztunnel', { error: reasonOf(error) });
    } finally {
      const at = this.#connections.indexOf(connection);
      if (at >= 0) this.#connections.splice(at, 1);
      connection.close();
    }
  }

  async #snapshot(connection: ZdsConnection): Promise<void> {
    const sent = new Set<string>();
    // Pods that come meanwhile are part of it, so that none falls between the snapshot and the changes.
    for (let next = this.#unsent(sent); next !== undefined; next = this.#unsent(sent)) {
      sent.add(next.uid);
      try {
        await connection.add(next);
      } catch (error) {
        if (!(error instanceof ZtunnelRefusal)) throw error;
        logger.warn('ztunnel could not take a pod', { pod: `${next.namespace}/${next.name}`, error: error.message });
        // ztunnel keeps trying by itself, and must not take the pod for gone.
        await connection.keep(next.uid);
      }
    }
    await connection.snapshotSent();
    for (const uid of sent) if (!this.#workloads.has(uid)) await connection.delete(uid);
  }

  #unsent(sent: ReadonlySet<string>): ZdsWorkload | undefined {
    return [...this.#workloads.values()].find(({ uid }) => !sent.has(uid));
  }
}
