import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { WorkloadRequestSchema, WorkloadResponseSchema, ZdsHelloSchema } from '../proto/gen/istio/zds/zds_pb';
import type { PacketConnection } from '../redirect/packet-socket';
import { closeFd, openNamespace } from '../redirect/sockets';

/** ztunnel opens listeners before it acknowledges; more than this means that it hangs. */
const ACK_TIMEOUT_MS = 10_000;

export interface ZdsWorkload {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Path of the pod's network namespace. */
  readonly netns: string;
}

type Payload = MessageInitShape<typeof WorkloadRequestSchema>['payload'];

/** ztunnel answered that it could not do what it was asked; the connection is fine. */
export class ZtunnelRefusal extends Error {}

/** The agent's end of one connection: one message at a time, each acknowledged before the next (protocol reference 4.1). */
export class ZdsConnection {
  #queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly packets: PacketConnection) {}

  /** Waits for ztunnel's greeting. @returns the protocol version that it speaks, undefined when it hung up */
  async hello(): Promise<number | undefined> {
    const packet = await this.packets.receive();
    packet?.fds.forEach(closeFd);
    return packet === undefined ? undefined : fromBinary(ZdsHelloSchema, packet.data).version;
  }

  /** @throws ZtunnelRefusal with ztunnel's words; any other error ends the connection */
  add({ uid, name, namespace, serviceAccount, netns }: ZdsWorkload): Promise<void> {
    const workloadInfo = { name, namespace, serviceAccount };
    return this.#exchange({ case: 'add', value: { uid, workloadInfo } }, netns);
  }

  keep(uid: string): Promise<void> {
    return this.#exchange({ case: 'keep', value: { uid } });
  }

  delete(uid: string): Promise<void> {
    return this.#exchange({ case: 'del', value: { uid } });
  }

  snapshotSent(): Promise<void> {
    return this.#exchange({ case: 'snapshotSent', value: {} });
  }

  close(): void {
    this.packets.close();
  }

  #exchange(payload: Payload, netns?: string): Promise<void> {
    const done = this.#queue.then(() => this.#send(payload, netns));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #send(payload: Payload, netns?: string): Promise<void> {
    // A namespace that is gone is the pod's trouble, not the connection's.
    const fd = netns === undefined ? undefined : open(netns);
    const timer = setTimeout(() => this.close(), ACK_TIMEOUT_MS);
    try {
      this.packets.send(toBinary(WorkloadRequestSchema, create(WorkloadRequestSchema, { payload })), fd);
      const packet = await this.packets.receive();
      if (packet === undefined) throw new Error('ztunnel closed the connection');
      packet.fds.forEach(closeFd);
      const { payload: answer } = fromBinary(WorkloadResponseSchema, packet.data);
      if (answer.case !== 'ack') throw new Error('ztunnel did not acknowledge');
      if (answer.value.error !== '') throw new ZtunnelRefusal(answer.value.error);
    } catch (error) {
      if (!(error instanceof ZtunnelRefusal)) this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      if (fd !== undefined) closeFd(fd);
    }
  }
}

function open(netns: string): number {
  try {
    return openNamespace(netns);
  } catch (error) {
    throw new ZtunnelRefusal(`the pod's network namespace ${netns} is gone`, { cause: error });
  }
}
