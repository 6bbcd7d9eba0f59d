import dgram from 'node:dgram';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import packet, { type DecodedPacket, type Packet, type Question } from 'dns-packet';
import { PACKET_MARK, PORT } from '../api/ports';
import { reasonOf } from '../errors';
import { bindUdp, createStreamSocket, listenTcp, preferSuccessor } from '../redirect/sockets';
import { log } from '../telemetry/log';
import type { DnsAnswer } from './dns-names';

/** Answers one question from the mesh; undefined means that the mesh does not know the name. */
export type MeshResolver = (question: Question) => DnsAnswer | undefined;

export interface DnsMetrics {
  request(): void;
  forwarded(seconds: number, failed: boolean): void;
}

const logger = log('dns');
const DNS_PORT = 53;
const UPSTREAM_TIMEOUT_MS = 5_000;
/** The largest answer over UDP for a client that does not say more (RFC 1035, 4.2.1). */
const PLAIN_UDP_BYTES = 512;
const FORMAT_ERROR = 1;
const SERVER_FAILURE = 2;

/** The resolvers of a resolv.conf; loopback ones are left out, they would be ourselves. */
export function resolversOf(resolvConf: string): string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => net.isIP(address) !== 0 && !address.startsWith('127.') && address !== '::1');
}

function readResolvers(): string[] {
  try {
    return resolversOf(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch (error) {
    logger.warn('no resolvers', { error: reasonOf(error) });
    return [];
  }
}

function reply(query: DecodedPacket, { answers, authoritative, code = 0 }: Partial<DnsAnswer> & { code?: number }) {
  const flags =
    (query.flag_rd ? packet.RECURSION_DESIRED : 0) |
    packet.RECURSION_AVAILABLE |
    (authoritative === true ? packet.AUTHORITATIVE_ANSWER : 0) |
    code;
  return { type: 'response', id: query.id, flags, questions: query.questions, answers: answers ?? [] } satisfies Packet;
}

/** Cuts a reply to what the client takes over UDP: over it, the client asks again over TCP. */
function fit(response: Packet, query: DecodedPacket): Buffer {
  const encoded = packet.encode(response);
  const option = query.additionals?.find((record) => record.type === 'OPT');
  const limit = Math.max(PLAIN_UDP_BYTES, option?.type === 'OPT' ? option.udpPayloadSize : 0);
  if (encoded.length <= limit) return encoded;
  return packet.encode({ ...response, flags: (response.flags ?? 0) | packet.TRUNCATED_RESPONSE, answers: [] });
}

function decode(message: Buffer): DecodedPacket | undefined {
  try {
    const query = packet.decode(message);
    return query.type === 'query' ? query : undefined;
  } catch {
    return undefined;
  }
}

/** Splits a TCP stream into messages by their two bytes of length (RFC 1035, 4.2.2). */
function readMessages(socket: net.Socket, onMessage: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      onMessage(pending.subarray(2, end));
      pending = pending.subarray(end);
    }
  });
}

const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
};

interface Waiting {
  readonly id: number;
  readonly question: string;
  readonly resolve: (answer: Buffer | undefined) => void;
}

const questionKey = (message: DecodedPacket): string =>
  message.questions?.map(({ name, type }) => `${name.toLowerCase()} ${type}`).join() ?? '';

/**
 * DNS in one pod: answers mesh names itself and passes the others on to the resolvers of resolv.conf, through sockets
 * of the pod that capture lets pass. UDP and TCP on 127.0.0.1:15053.
 *
 * @see protocol reference 3.7
 */
export class DnsProxy {
  readonly #resolvers = readResolvers();
  readonly #udp: dgram.Socket;
  readonly #tcp: net.Server;
  readonly #clients = new Set<net.Socket>();
  readonly #waiting = new Map<number, Waiting>();
  /** Descriptors of the listeners, which own them. */
  readonly #listening: readonly number[];
  /** Questions without an answer yet. */
  #open = 0;
  #answered: (() => void) | undefined;
  #upstream: dgram.Socket | undefined;
  #closed = false;

  /** Opens the listeners. @throws SystemCallError when the port is taken in the pod */
  constructor(
    private readonly netns: number,
    private readonly resolve: MeshResolver,
    private readonly metrics: DnsMetrics,
  ) {
    const options = { reusePort: true };
    const udp = bindUdp(netns, '127.0.0.1', PORT.dns, options);
    this.#udp = dgram.createSocket('udp4');
    this.#udp.on('message', (message, client) => {
      this.#answer(message, (query, answer) => {
        this.#udp.send(Buffer.isBuffer(answer) ? answer : fit(answer, query), client.port, client.address, () => {});
      });
    });
    this.#udp.on('error', (error) => logger.warn('dns listener', { error: error.message }));
    this.#udp.bind({ fd: udp });
    this.#tcp = net.createServer((socket) => this.#serveTcp(socket));
    this.#tcp.on('error', (error) => logger.warn('dns listener', { error: error.message }));
    try {
      const tcp = listenTcp(netns, '127.0.0.1', PORT.dns, options);
      this.#tcp.listen({ fd: tcp });
      this.#listening = [udp, tcp];
    } catch (error) {
      this.#udp.close();
      throw error;
    }
  }

  /** Leaves new questions to the DNS proxy that was opened in the same pod after this one, where there is one. */
  leaveToSuccessor(): void {
    for (const fd of this.#listening) preferSuccessor(fd);
  }

  /** Answers what it was asked already, and closes. */
  async close(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => (this.#answered = resolve));
    if (this.#closed) return;
    this.#closed = true;
    this.#udp.close();
    this.#tcp.close();
    for (const client of this.#clients) client.destroy();
    this.#upstream?.close();
  }

  #serveTcp(socket: net.Socket): void {
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    socket.on('error', () => socket.destroy());
    readMessages(socket, (message) =>
      this.#answer(
        message,
        (_query, answer) => socket.write(framed(Buffer.isBuffer(answer) ? answer : packet.encode(answer))),
        true,
      ),
    );
  }

  #answer(message: Buffer, send: (query: DecodedPacket, answer: Packet | Buffer) => void, tcp = false): void {
    const query = decode(message);
    if (query === undefined) return;
    this.metrics.request();
    const [question] = query.questions ?? [];
    if (question === undefined) return send(query, reply(query, { code: FORMAT_ERROR }));
    const known = this.resolve(question);
    if (known !== undefined) return send(query, reply(query, known));
    const started = performance.now();
    this.#open += 1;
    void this.#forward(message, query, tcp).then((answer) => {
      this.metrics.forwarded((performance.now() - started) / 1000, answer === undefined);
      send(query, answer ?? reply(query, { code: SERVER_FAILURE }));
      this.#open -= 1;
      if (this.#open === 0) this.#answered?.();
    });
  }

  /** Asks the resolvers in order. @returns the answer's bytes under the client's id, undefined when none answered */
  async #forward(message: Buffer, query: DecodedPacket, tcp: boolean): Promise<Buffer | undefined> {
    for (const resolver of this.#resolvers) {
      try {
        const asked = tcp ? this.#askTcp(message, resolver) : this.#askUdp(message, query, resolver);
        const answer = await asked;
        if (answer === undefined) continue;
        const own = Buffer.from(answer);
        own.writeUInt16BE(query.id ?? 0, 0);
        return own;
      } catch (error) {
        logger.debug('resolver failed', { resolver, error: reasonOf(error) });
      }
    }
    return undefined;
  }

  #upstreamSocket(): dgram.Socket {
    if (this.#upstream !== undefined) return this.#upstream;
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, from) => {
      const answer = message.length >= 12 ? this.#waiting.get(message.readUInt16BE(0)) : undefined;
      if (answer === undefined || !this.#resolvers.includes(from.address) || from.port !== DNS_PORT) return;
      let decoded: DecodedPacket;
      try {
        decoded = packet.decode(message);
      } catch {
        return;
      }
      if (decoded.type === 'response' && questionKey(decoded) === answer.question) answer.resolve(message);
    });
    socket.on('error', (error) => logger.debug('resolver socket', { error: error.message }));
    socket.bind({ fd: bindUdp(this.netns, '0.0.0.0', 0, { mark: PACKET_MARK }) });
    this.#upstream = socket;
    return socket;
  }

  #askUdp(message: Buffer, query: DecodedPacket, resolver: string): Promise<Buffer | undefined> {
    const socket = this.#upstreamSocket();
    return new Promise((resolve) => {
      let id = randomInt(0x10000);
      while (this.#waiting.has(id)) id = (id + 1) & 0xffff;
      const done = (answer: Buffer | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(done, UPSTREAM_TIMEOUT_MS, undefined);
      this.#waiting.set(id, { id, question: questionKey(query), resolve: done });
      const outgoing = Buffer.from(message);
      outgoing.writeUInt16BE(id, 0);
      socket.send(outgoing, DNS_PORT, resolver, (error) => {
        if (error) done(undefined);
      });
    });
  }

  #askTcp(message: Buffer, resolver: string): Promise<Buffer | undefined> {
    const family = net.isIPv6(resolver) ? 6 : 4;
    const socket = new net.Socket({ fd: createStreamSocket(this.netns, { family, mark: PACKET_MARK }) });
    return new Promise<Buffer | undefined>((resolve, reject) => {
      socket.setTimeout(UPSTREAM_TIMEOUT_MS, () => resolve(undefined));
      socket.once('error', reject);
      socket.once('close', () => resolve(undefined));
      readMessages(socket, resolve);
      socket.connect(DNS_PORT, resolver);
      socket.write(framed(message));
    }).finally(() => socket.destroy());
  }
}
