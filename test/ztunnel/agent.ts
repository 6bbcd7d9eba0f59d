import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Version,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
} from '../../runtime/proto/gen/istio/zds/zds_pb';
import { listenPackets, type PacketConnection } from '../../runtime/redirect/packet-socket';

type Payload = MessageInitShape<typeof WorkloadRequestSchema>['payload'];

/** The node agent's end of ZDS, written from the protocol reference 4.1. */
export class TestAgent {
  readonly #listener;
  #connection: PacketConnection | undefined;

  constructor(path: string) {
    this.#listener = listenPackets(path);
  }

  /** Accepts ztunnel and reads its hello. */
  async accept(): Promise<void> {
    this.#connection = await this.#listener.accept();
    const hello = fromBinary(ZdsHelloSchema, (await this.#connection!.receive())!.data);
    if (hello.version !== Version.V1) throw new Error(`hello of version ${hello.version}`);
  }

  /** Sends one message. @returns the acknowledgement's text, undefined when ztunnel hung up instead */
  async send(payload: Payload, fd?: number): Promise<string | undefined> {
    const request = create(WorkloadRequestSchema, { payload });
    this.#connection!.send(toBinary(WorkloadRequestSchema, request), fd);
    const packet = await this.#connection!.receive();
    if (packet === undefined) return undefined;
    return fromBinary(WorkloadResponseSchema, packet.data).payload.value?.error ?? '';
  }

  add(
    pod: { uid: string; name: string; namespace: string; serviceAccount: string },
    netns?: number,
  ): Promise<string | undefined> {
    const { uid, ...workloadInfo } = pod;
    return this.send({ case: 'add', value: { uid, workloadInfo } }, netns);
  }

  snapshotSent(): Promise<string | undefined> {
    return this.send({ case: 'snapshotSent', value: {} });
  }

  /** Hangs up; ztunnel will come again. */
  hangUp(): void {
    this.#connection?.close();
  }

  close(): void {
    this.hangUp();
    this.#listener.close();
  }
}
