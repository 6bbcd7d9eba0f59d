import http from 'node:http';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { KIND, pathOf } from '../api/kinds';
import type { Pod } from '../api/resources';
import { MeshError, reasonOf } from '../errors';
import { apiError, type KubeClient, type Response } from './client';

const PROTOCOL = 'v4.channel.k8s.io';
const DATA = 0;
const TIMEOUT_MS = 10_000;

/**
 * One HTTP GET at a port of a pod's loopback, which only port-forward reaches: opens one through the API server and closes
 * it. Errors: those of the client, and `AMB_ERR_POD_PORT` when the pod does not answer. Imported on demand.
 */
export async function getInPod(
  client: KubeClient,
  { metadata: { namespace = '', name } }: Pick<Pod, 'metadata'>,
  port: number,
  path: string,
): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  using connection = new PodPort(await openWebSocket(client, namespace, name, port));
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const headers = { host: `localhost:${port}`, connection: 'close' };
      const options = { path, headers, signal, createConnection: () => connection };
      // Not http.get: VS Code's extension host replaces it by one that opens a connection of its own, past this one.
      new http.ClientRequest(options, resolve).once('error', reject).end();
    });
    return { status: response.statusCode ?? 0, body: await text(response) };
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(error);
    throw new MeshError('AMB_ERR_POD_PORT', { port, pod: `${namespace}/${name}`, reason }, { cause: error });
  }
}

async function openWebSocket(client: KubeClient, namespace: string, name: string, port: number): Promise<WebSocket> {
  const path = `${pathOf(KIND.Pod, namespace, name)}/portforward`;
  const url = new URL(path, client.server.endsWith('/') ? client.server : `${client.server}/`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('ports', String(port));
  const options = { ...(await client.credentials()), handshakeTimeout: TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, [PROTOCOL], options);
    // Messages may come with the answer; they wait until somebody listens.
    ws.once('open', () => {
      ws.pause();
      resolve(ws);
    });
    ws.on('error', (error) =>
      reject(
        new MeshError('AMB_ERR_API_UNREACHABLE', { server: client.server, reason: reasonOf(error) }, { cause: error }),
      ),
    );
    ws.once('unexpected-response', (_request, response) => {
      // Once the answer is read the request lets go of its connection, which would keep a command alive.
      const { socket } = response;
      text(response)
        .then((body) => reject(apiError(response.statusCode ?? 0, body, `port-forward to ${path}`)), reject)
        .finally(() => socket.destroy());
    });
  });
}

/** The forwarded connection: channel 0 of the WebSocket carries its data, channel 1 what went wrong. */
class PodPort extends Duplex implements Disposable {
  /** Channels whose first message, the port's number, has come. */
  readonly #begun = new Set<number>();

  constructor(private readonly ws: WebSocket) {
    super();
    ws.on('message', (message) => this.#receive(message[0]!, message.subarray(1)));
    ws.once('close', () => this.push(null));
    ws.resume();
  }

  override _read(): void {
    this.ws.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.ws.send(Buffer.concat([Buffer.from([DATA]), chunk]), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.ws.terminate();
    done(error);
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  #receive(channel: number, content: Buffer): void {
    if (!this.#begun.has(channel)) {
      this.#begun.add(channel);
      return;
    }
    if (channel !== DATA) this.destroy(new Error(content.toString()));
    else if (!this.push(content)) this.ws.pause();
  }
}
