import type { IncomingMessage } from 'node:http';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { KIND } from '../../api/kinds';
import type { Pod } from '../../api/resources';
import { reasonOf } from '../../errors';
import { SpdyConnection, type SpdyStream } from '../spdy/spdy-connection';
import { StatusError, badRequest, notFound } from '../store/status-error';
import type { Api } from './context';

const PROTOCOL = 'portforward.k8s.io';

/**
 * Takes a connection over for `kubectl port-forward`: SPDY/3.1 with an error and a data stream for each forwarded
 * connection. A WebSocket is refused, upon which clients fall back to SPDY.
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
  if ((request.headers.upgrade ?? '').toLowerCase() !== 'spdy/3.1') {
    throw badRequest(`unable to upgrade to ${request.headers.upgrade ?? ''}: only SPDY/3.1 is supported`);
  }
  if (kubelet === undefined) throw new StatusError(503, 'ServiceUnavailable', 'no kubelet runs in this cluster');
  const offered = String(request.headers['x-stream-protocol-version'] ?? PROTOCOL).split(/\s*,\s*/);
  if (!offered.includes(PROTOCOL)) throw new StatusError(403, 'Forbidden', `only ${PROTOCOL} is supported`);
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${PROTOCOL}\r\n\r\n`,
  );
  const errors = new Map<string, SpdyStream>();
  new SpdyConnection(socket, head, (stream) => {
    const { streamtype, port = '', requestid = '' } = stream.headers;
    if (streamtype === 'error') {
      errors.set(requestid, stream);
      stream.resume();
      stream.once('close', () => errors.delete(requestid));
    } else if (streamtype === 'data') {
      void forward(() => kubelet.dialInside(pod, Number(port)), port, stream, errors.get(requestid));
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
