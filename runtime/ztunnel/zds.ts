import { setTimeout as delay } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { reasonOf } from '../errors';
import {
  Version,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
  type WorkloadRequest,
} from '../proto/gen/istio/zds/zds_pb';
import { connectPackets, type PacketConnection } from '../redirect/packet-socket';
import { closeFd } from '../redirect/sockets';
import { log } from '../telemetry/log';

/** A pod as the agent announces it. */
export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What the node agent's messages act upon. */
export interface EnrolledPods {
  /** Takes the namespace's descriptor over. Rejects when the pod's proxy could not start; it is tried again. */
  add(pod: PodIdentity, netns: number): Promise<void>;
  remove(uid: string): void;
  /** Ends every pod that the agent's snapshot did not name. */
  retain(uids: ReadonlySet<string>): void;
}

/** The agent broke the protocol; upstream's ztunnel exits on it. */
export class ZdsProtocolError extends Error {}

const logger = log('zds');
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 15_000;
/** Asking often is cheap, and the agent usually starts within the first seconds. */
const EAGER_DELAY_MS = 80;
const EAGER_FOR_MS = 10_000;
/** Upstream's peers read answers into 1024 bytes. */
const MAX_ERROR_CHARACTERS = 500;

function acknowledgement(error: string): Uint8Array {
  const value = { error: error.slice(0, MAX_ERROR_CHARACTERS) };
  return toBinary(WorkloadResponseSchema, create(WorkloadResponseSchema, { payload: { case: 'ack', value } }));
}

/** Applies one message. @returns the text of the acknowledgement, empty for success */
async function apply(
  request: WorkloadRequest,
  netns: number | undefined,
  pods: EnrolledPods,
  snapshot: Set<string> | undefined,
): Promise<string> {
  const { payload } = request;
  if (payload.case === 'add') {
    const info = payload.value.workloadInfo;
    if (info === undefined) throw new ZdsProtocolError(`AddWorkload ${payload.value.uid} has no workload_info`);
    const { uid } = payload.value;
    snapshot?.add(uid);
    try {
      await pods.add({ uid, name: info.name, namespace: info.namespace, serviceAccount: info.serviceAccount }, netns!);
      return '';
    } catch (error) {
      return reasonOf(error);
    }
  }
  if (payload.case === 'keep') {
    if (snapshot === undefined) throw new ZdsProtocolError('KeepWorkload after the snapshot');
    snapshot.add(payload.value.uid);
    return '';
  }
  if (payload.case === 'del') {
    snapshot?.delete(payload.value.uid);
    pods.remove(payload.value.uid);
    return '';
  }
  if (payload.case === 'snapshotSent') {
    if (snapshot === undefined) throw new ZdsProtocolError('a second SnapshotSent');
    pods.retain(snapshot);
    return '';
  }
  throw new ZdsProtocolError('a request without payload');
}

/** Reads one connection's messages until it ends. @returns when the agent closed it */
async function converse(connection: PacketConnection, pods: EnrolledPods, onSnapshot: () => void): Promise<void> {
  connection.send(toBinary(ZdsHelloSchema, create(ZdsHelloSchema, { version: Version.V1 })));
  let snapshot: Set<string> | undefined = new Set();
  for (;;) {
    const packet = await connection.receive();
    if (packet === undefined) return;
    const [netns] = packet.fds;
    let taken = false;
    try {
      const request = fromBinary(WorkloadRequestSchema, packet.data);
      const expected = request.payload.case === 'add' ? 1 : 0;
      if (packet.fds.length !== expected) {
        throw new Error(`${request.payload.case} came with ${packet.fds.length} descriptors instead of ${expected}`);
      }
      taken = request.payload.case === 'add' && request.payload.value.workloadInfo !== undefined;
      connection.send(acknowledgement(await apply(request, netns, pods, snapshot)));
      if (request.payload.case === 'snapshotSent') {
        snapshot = undefined;
        onSnapshot();
      }
    } finally {
      if (!taken) packet.fds.forEach(closeFd);
    }
  }
}

/**
 * Follows the node agent over ZDS for as long as `signal` permits: connects with back-off (10 ms, doubling to 15 s),
 * applies its messages, acknowledges each. Pods stay served while the agent is away.
 *
 * @param onReady told true after a snapshot was applied and false when the connection is lost
 * @throws ZdsProtocolError when the agent breaks the protocol
 * @see protocol reference 4.1
 */
export async function followAgent(
  path: string,
  pods: EnrolledPods,
  { signal, onReady }: { signal: AbortSignal; onReady: (ready: boolean) => void },
): Promise<void> {
  let wait = FIRST_DELAY_MS;
  let alone = Date.now();
  while (!signal.aborted) {
    let connection: PacketConnection | undefined;
    const close = (): void => connection?.close();
    try {
      connection = connectPackets(path);
      signal.addEventListener('abort', close, { once: true });
      await converse(connection, pods, () => {
        onReady(true);
      });
      wait = FIRST_DELAY_MS;
      alone = Date.now();
      if (!signal.aborted) logger.warn('the node agent closed the connection', { path });
    } catch (error) {
      if (error instanceof ZdsProtocolError) throw error;
      // The agent usually starts a moment later than ztunnel: worth a line only once that takes long.
      const level = Date.now() - alone < EAGER_FOR_MS ? 'debug' : 'warn';
      if (!signal.aborted) logger[level]('no connection to the node agent', { path, error: reasonOf(error) });
    } finally {
      signal.removeEventListener('abort', close);
      connection?.close();
      onReady(false);
    }
    await delay(wait, undefined, { signal }).catch(() => {});
    wait = Math.min(wait * 2, Date.now() - alone < EAGER_FOR_MS ? EAGER_DELAY_MS : MAX_DELAY_MS);
  }
}
