import { existsSync } from 'node:fs';
import type http from 'node:http';
import { CANONICAL_REVISION } from '../api/labels';
import { PORT, PROBE_SOURCE } from '../api/ports';
import type { Pod } from '../api/resources';
import type { AddressPort } from '../redirect/socket-address';
import type { FlowPeer, FlowRecord } from '../telemetry/flow-record';
import { FlowStream } from '../telemetry/stats-server';
import { tcpTable, type TcpRow } from './tcp-table';

const POLL_MS = 1000;
const OWN_PORTS: ReadonlySet<number> = new Set([PORT.outbound, PORT.inboundPlaintext, PORT.hbone, PORT.dns]);

interface Older {
  /** Uid of the pod in whose namespace it was found. */
  readonly uid: string;
  readonly netns: string;
  /** The row of the namespace's table: local and remote end. */
  readonly row: string;
  readonly open: FlowRecord;
}

const textOf = ({ address, port }: AddressPort): string => `${address} ${port}`;
const rowKey = ({ local, remote }: TcpRow): string => `${textOf(local)} ${textOf(remote)}`;

/** The Deployment behind a ReplicaSet's pod, or whatever owns the pod. */
function workloadOf({ metadata }: Pod): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined) return metadata.name;
  const hash = metadata.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined) return owner.name.replace(new RegExp(`-${hash}$`), '');
  return owner.name;
}

function peerOf({ address, port }: AddressPort, pod: Pod): FlowPeer {
  const { name, namespace, labels } = pod.metadata;
  return {
    address,
    port,
    namespace,
    pod: name,
    workload: workloadOf(pod),
    app: labels?.['app'],
    version: labels?.['version'] ?? labels?.[CANONICAL_REVISION],
  };
}

/**
 * Connections between pods that are older than capture, and so outside of the mesh: each is reported as open until it
 * ends. Reads `/proc/net/tcp` of the pods concerned once a second, and only while there are such connections.
 */
export class OlderConnections extends FlowStream {
  readonly #known = new Map<string, Older>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly component: string,
    private readonly podAt: (address: string) => Pod | undefined,
  ) {
    super();
  }

  get count(): number {
    return this.#known.size;
  }

  /** A new reader hears of every connection that is still open. */
  override attach(response: http.ServerResponse): void {
    super.attach(response);
    for (const { open } of this.#known.values()) response.write(`${JSON.stringify(open)}\n`);
  }

  /** Lists the established connections of a pod that is about to be captured. */
  note(pod: Pod, netns: string): void {
    const uid = pod.metadata.uid ?? '';
    const table = tcpTable(netns);
    const listening = new Set(table.filter(({ state }) => state === 'listen').map(({ local }) => local.port));
    for (const row of table) {
      if (row.state !== 'established' || OWN_PORTS.has(row.local.port) || OWN_PORTS.has(row.remote.port)) continue;
      const other = this.podAt(row.remote.address);
      if (other === undefined || other === pod || row.remote.address === PROBE_SOURCE) continue;
      if (other.metadata.uid === pod.metadata.uid) continue;
      const here = peerOf(row.local, pod);
      const there = peerOf(row.remote, other);
      const inbound = listening.has(row.local.port);
      this.#add({ uid, netns, row: rowKey(row) }, inbound ? there : here, inbound ? here : there);
    }
  }

  #add(where: Omit<Older, 'open'>, source: FlowPeer, destination: FlowPeer): void {
    // Both ends may be captured pods of this node: one connection, one record.
    const id = `older ${source.address} ${source.port} ${destination.address} ${destination.port}`;
    if (this.#known.has(id)) return;
    const open: FlowRecord = {
      v: 1,
      event: 'open',
      id,
      reporter: 'node',
      component: this.component,
      time: Date.now(),
      source,
      destination,
      protocol: 'tcp',
      mtls: false,
      verdict: 'allow',
      reason: 'opened before enrolment',
    };
    this.#known.set(id, { ...where, open });
    this.publish(open);
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS).unref();
  }

  /** Ends the records of a pod that is gone or that left the mesh. */
  forget(uid: string): void {
    for (const [id, older] of this.#known) if (older.uid === uid) this.#end(id, older);
  }

  #poll(): void {
    const open = new Map<string, ReadonlySet<string>>();
    for (const [id, older] of this.#known) {
      let rows = open.get(older.netns);
      if (rows === undefined) open.set(older.netns, (rows = establishedIn(older.netns)));
      if (!rows.has(older.row)) this.#end(id, older);
    }
  }

  #end(id: string, { open }: Older): void {
    this.#known.delete(id);
    this.publish({ ...open, event: 'close', time: Date.now(), duration: Date.now() - open.time });
    if (this.#known.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  override close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    super.close();
  }
}

function establishedIn(netns: string): ReadonlySet<string> {
  if (!existsSync(netns)) return new Set();
  try {
    return new Set(
      tcpTable(netns)
        .filter(({ state }) => state === 'established')
        .map(rowKey),
    );
  } catch {
    // The namespace went with its pod.
    return new Set();
  }
}
