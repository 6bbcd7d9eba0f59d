import type net from 'node:net';
import type { WebSocket } from 'ws';
import { reasonOf } from '../../errors';
import { badRequest } from '../store/status-error';

/** A connection to a TCP port of the pod's loopback. */
export type Dial = (port: number) => Promise<net.Socket>;

const MOST_PORT = 65_535;
/** Channels are one byte: an even one for data and the next for errors, of each port. */
const MOST_PORTS = 128;

/** The ports that a WebSocket's query asks for. Throws the Status that refuses it. */
export function portsOf(url: string): number[] {
  const given = new URL(url, 'https://localhost').searchParams.getAll('ports').flatMap((each) => each.split(','));
  if (given.length === 0) throw badRequest('query parameter "ports" is required');
  if (given.length > MOST_PORTS) throw badRequest(`at most ${MOST_PORTS} ports can be forwarded`);
  return given.map((text) => {
    const port = /^\d+$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > MOST_PORT) throw badRequest(`unable to parse "${text}" as a port`);
    return port;
  });
}

/**
 * Forwards one connection for each port over a WebSocket's channels. Each message begins with its channel; the first of
 * each channel holds the port's number, little-endian, and nothing else. The WebSocket is closed when no connection is left.
 */
export function forwardChannels(dial: Dial, ports: readonly number[], ws: WebSocket): void {
  const targets = ports.map((port, index) => new ChannelPair(ws, index * 2, port));
  ws.on('error', () => ws.terminate());
  ws.on('message', (message) => targets[message[0]! >> 1]?.receive(message));
  ws.on('close', () => {
    for (const target of targets) target.end();
  });
  void Promise.all(targets.map((target) => target.run(dial))).then(() => ws.close(1000));
}

/** The two channels of one forwarded port. */
class ChannelPair {
  /** What came before the connection was made. */
  #early: Buffer[] = [];
  #target: net.Socket | undefined;
  #ended = false;

  constructor(
    private readonly ws: WebSocket,
    private readonly data: number,
    private readonly port: number,
  ) {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    this.#send(data, number);
    this.#send(data + 1, number);
  }

  /** Carries the connection to its end; never rejects. */
  async run(dial: Dial): Promise<void> {
    let target: net.Socket;
    try {
      target = await dial(this.port);
    } catch (cause) {
      this.#send(this.data + 1, Buffer.from(`error forwarding port ${this.port} to pod: ${reasonOf(cause)}`));
      return;
    }
    const closed = new Promise<void>((resolve) => target.once('close', () => resolve()));
    target.on('error', () => target.destroy());
    target.on('data', (chunk) => {
      target.pause();
      this.#send(this.data, chunk, () => target.resume());
    });
    target.on('drain', () => this.ws.resume());
    this.#target = target;
    if (this.#ended) target.destroy();
    for (const chunk of this.#early.splice(0)) target.write(chunk);
    await closed;
  }

  /** A message for this pair; what a client says on the error channel means nothing. */
  receive(message: Buffer): void {
    if (message[0] !== this.data) return;
    const chunk = message.subarray(1);
    if (this.#target === undefined) this.#early.push(chunk);
    // A slow port holds the others of this WebSocket, which knows no other way to wait.
    else if (!this.#target.destroyed && !this.#target.write(chunk)) this.ws.pause();
  }

  end(): void {
    this.#ended = true;
    this.#target?.destroy();
  }

  #send(channel: number, content: Buffer, done?: () => void): void {
    this.ws.send(Buffer.concat([Buffer.from([channel]), content]), () => done?.());
  }
}
