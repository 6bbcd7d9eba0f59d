import type { IncomingMessage } from 'node:http';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { KIND } from '../../api/kinds';
import type { Pod } from '../../api/resources';
import { reasonOf } from '../../errors';
import { SpdyConnection, type SpdyStream } from '../spdy/spdy-connection';
import { StatusError, badRequest, notFound } from '../store/status-error';
import { forwardChannels, portsOf, type Dial } from './channel-forward';
import type { Api } from './context';

const PROTOCOL = 'portforward.k8s.io';
/** SPDY as binary messages of a WebSocket: what kubectl asks for first. */
const TUNNEL = `SPDY/3.1+${PROTOCOL}`;
/** Two channels a port: what the client libraries ask for. */
const CHANNELS = 'v4.channel.k8s.io';
const WEB_SOCKET_PROTOCOLS = [TUNNEL, CHANNELS];

/**
 * Takes a connection over for port-forward, as the real API server does: SPDY/3.1 with an error and a data stream for each
 * forwarded connection, the same inside of a WebSocket, or a WebSocket with two channels for each port of the query.
 */
export function portForward(
  { store, kubelet }: Api,
  at: { namespace?: string; name?: string },
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const pod = store.get<Pod>(KIND.Pod, at.namespace, at.name ?? '');
  if (pod === undefined) throw notFound(KIND.Pod, at.name ?? '');
  const upgrade = (request.headers.upgrade ?? '').toLowerCase();
  if (upgrade !== 'spdy/3.1' && upgrade !== 'websocket') {
    throw badRequest(`unable to upgrade to ${upgrade}: only SPDY/3.1 and websocket are supported`);
  }
  if (kubelet === undefined) throw new StatusError(503, 'ServiceUnavailable', 'no kubelet runs in this cluster');
  const dial: Dial = (port) => kubelet.dialInside(pod, port);
  if (upgrade === 'websocket') return overWebSocket(dial, request, socket, head);
  const offered = listed(request.headers['x-stream-protocol-version'] ?? PROTOCOL);
  if (!offered.includes(PROTOCOL)) throw new StatusError(403, 'Forbidden', `only ${PROTOCOL} is supported`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${PROTOCOL}\r\n\r\n`,
  );
  forwardStreams(dial, socket, head);
}

const listed = (header: string | readonly string[]): string[] => String(header).split(/\s*,\s*/);

/** Without a protocol in the request the channels are meant, as the real API server has it. */
function overWebSocket(dial: Dial, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const header = request.headers['sec-websocket-protocol'];
  const chosen = header === undefined ? CHANNELS : listed(header).find((one) => WEB_SOCKET_PROTOCOLS.includes(one));
  if (chosen === undefined) {
    throw new StatusError(403, 'Forbidden', `only ${WEB_SOCKET_PROTOCOLS.join(' and ')} are supported`);
  }
  const ports = chosen === CHANNELS ? portsOf(request.url ?? '') : [];
  const accept = (ws: WebSocket): void => {
    if (chosen === CHANNELS) forwardChannels(dial, ports, ws);
    else forwardStreams(dial, createWebSocketStream(ws), Buffer.alloc(0));
  };
  const server = new WebSocketServer({ noServer: true });
  // The library takes no protocol with a slash, so the choice is made here and only said by it.
  delete request.headers['sec-websocket-protocol'];
  if (header !== undefined) server.on('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${chosen}`));
  server.handleUpgrade(request, socket, head, accept);
}

/** An error and a data stream for each connection that the client's end takes. */
function forwardStreams(dial: Dial, connection: Duplex, head: Buffer): void {
  const errors = new Map<string, SpdyStream>();
  new SpdyConnection(connection, head, (stream) => {
    const { streamtype, port = '', requestid = '' } = stream.headers;
    if (streamtype === 'error') {
      errors.set(requestid, stream);
      stream.resume();
      stream.once('close', () => errors.delete(requestid));
    } else if (streamtype === 'data') {
      void forward(() => dial(Number(port)), port, stream, errors.get(requestid));
    } else stream.destroy();
  });
}

/** Carries one connection; what goes wrong is said on the error stream. */
async function forward(
  dial: () => Promise<net.Socket>,
  port: string,
  data: SpdyStream,
  error: SpdyStream | undefined,
): Promise<void> {
  let target: net.Socket;
  try {
    target = await dial();
  } catch (cause) {
    error?.end(`error forwarding port ${port} to pod: ${reasonOf(cause)}`);
    data.end();
    return;
  }
  target.on('error', () => target.destroy());
  data.once('close', () => target.destroy());
  target.once('close', () => {
    data.end();
    error?.end();
  });
  data.pipe(target);
  target.pipe(data);
}
