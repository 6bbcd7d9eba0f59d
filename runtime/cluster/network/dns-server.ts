import dgram from 'node:dgram';
import net from 'node:net';
import {
  AUTHORITATIVE_ANSWER,
  RECURSION_DESIRED,
  decode,
  encode,
  streamDecode,
  streamEncode,
  type Packet,
} from 'dns-packet';
import { KIND } from '../../api/kinds';
import type { EndpointSlice, Service } from '../../api/resources';
import type { Store } from '../store/store';
import { answer, type DnsRecords } from './dns-answer';
import { slicesOf } from './service-rules';

const RCODES = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;
/** Without EDNS, an answer over UDP is at most this long. */
const UDP_BYTES = 512;
const TRUNCATED = 1 << 9;
const IDLE_MS = 10_000;

/** The cluster's name server, over UDP and TCP. */
export class DnsServer {
  readonly #udp = dgram.createSocket('udp4');
  readonly #tcp = net.createServer((socket) => this.#serve(socket));
  readonly #records: DnsRecords;

  constructor(store: Store) {
    this.#records = {
      service: (namespace, name) => store.get<Service>(KIND.Service, namespace, name),
      slices: (service) => slicesOf(service, store.list<EndpointSlice>(KIND.EndpointSlice, service.metadata.namespace)),
      hasNamespace: (name) => store.get(KIND.Namespace, undefined, name) !== undefined,
    };
    this.#udp.on('message', (message, { address, port }) => {
      const reply = this.#reply(message);
      if (reply === undefined) return;
      const whole = encode(reply);
      const short =
        whole.length <= UDP_BYTES ? whole : encode({ ...reply, flags: reply.flags! | TRUNCATED, answers: [] });
      this.#udp.send(short, port, address, () => {});
    });
    this.#udp.on('error', (error) => console.error(`dns: ${error.message}`));
  }

  async listen(address: string, port: number): Promise<void> {
    await Promise.all([
      new Promise<void>((resolve, reject) => {
        this.#udp.once('error', reject);
        this.#udp.bind(port, address, () => {
          this.#udp.removeListener('error', reject);
          resolve();
        });
      }),
      new Promise<void>((resolve, reject) => {
        this.#tcp.once('error', reject);
        this.#tcp.listen(port, address, resolve);
      }),
    ]);
  }

  [Symbol.dispose](): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #serve(socket: net.Socket): void {
    let received = Buffer.alloc(0);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = 2 + received.readUInt16BE(0);
        const reply = this.#reply(received.subarray(0, length), true);
        received = received.subarray(length);
        if (reply === undefined) return void socket.destroy();
        socket.write(streamEncode(reply));
      }
      return undefined;
    });
  }

  /** Undefined for what is not a query. */
  #reply(message: Buffer, stream = false): Packet | undefined {
    let query: Packet | null;
    try {
      query = stream ? streamDecode(message) : decode(message);
    } catch {
      return undefined;
    }
    const question = query?.questions?.[0];
    if (query?.type !== 'query' || question === undefined) return undefined;
    const { rcode, answers } = answer(question, this.#records);
    return {
      type: 'response',
      id: query.id,
      flags: ((query.flags ?? 0) & RECURSION_DESIRED) | AUTHORITATIVE_ANSWER | RCODES[rcode],
      questions: [question],
      answers: [...answers],
    };
  }
}
