import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { splice } from '../hbone/splice';
import type { EndpointAgent } from './endpoint-agent';
import { noHealthyUpstream, upstreamFailed, type Exchange, type LocalAnswer } from './exchange';
import { endToEnd } from './http-headers';
import { formatHead, localHeaders, sendHttp1 } from './http1-messages';

/** WebSocket and the like: judged as any request; when the upstream agrees, the two byte streams are joined. */
export function passUpgrade(
  exchange: Exchange,
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  agent: EndpointAgent,
): void {
  const refuse = (local: LocalAnswer): void => {
    exchange.answered(local);
    stream.end(Buffer.from(formatHead(local.status, localHeaders(local, true)) + local.body, 'latin1'));
    exchange.end(local.status);
  };
  const way = exchange.judge();
  if ('status' in way) return refuse(way);
  const endpoint = exchange.choose(way);
  if (endpoint === undefined) return refuse(noHealthyUpstream(undefined));
  const protocol = request.headers.upgrade ?? '';
  const upstream = sendHttp1(request, way, endpoint, agent, ['connection', 'upgrade', 'upgrade', protocol]);
  const abandon = (): void => {
    upstream.destroy();
    exchange.flags = 'DC';
    exchange.end(0);
  };
  stream.once('close', abandon);
  upstream.once('error', (error) => {
    stream.off('close', abandon);
    refuse(upstreamFailed(true, error.message));
  });
  upstream.once('response', (incoming) => {
    // Not upgraded: an ordinary answer, after which this connection ends.
    stream.off('close', abandon);
    const status = incoming.statusCode ?? 502;
    const headers = endToEnd(incoming.rawHeaders, incoming.headers.connection);
    stream.write(Buffer.from(formatHead(status, [...headers, 'connection', 'close']), 'latin1'));
    incoming.on('data', (chunk: Buffer) => (exchange.sent += chunk.length));
    incoming.once('close', () => exchange.end(status));
    incoming.pipe(stream);
  });
  upstream.once('upgrade', (incoming, onward, first) => {
    stream.off('close', abandon);
    stream.write(Buffer.from(formatHead(101, incoming.rawHeaders), 'latin1'));
    if (first.length > 0) onward.unshift(first);
    if (head.length > 0) stream.unshift(head);
    void splice(stream, onward).then(({ bytesAtoB, bytesBtoA, error }) => {
      exchange.received += bytesAtoB;
      exchange.sent += bytesBtoA;
      exchange.error = error?.message;
      exchange.end(101);
    });
  });
}
