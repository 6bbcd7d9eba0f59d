import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { StatusError } from '../store/status-error';
import type { Pki } from './pki';
import type { ServiceAccountTokens } from './tokens';
import { ADMIN, ANONYMOUS, type User } from './user';

const unauthorized = (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized');

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/**
 * The user of a request by its bearer token (header, or the WebSocket subprotocol that browsers use); the anonymous
 * user without one. Throws 401 for a token that is not, or no longer, valid.
 */
export function authenticate(request: IncomingMessage, pki: Pki, tokens: ServiceAccountTokens): User {
  const token = bearerToken(request);
  if (token === undefined) return ANONYMOUS;
  if (sameText(token, pki.adminToken)) return ADMIN;
  const checked = tokens.check(token);
  if (typeof checked === 'string') throw unauthorized();
  return checked.user;
}

function bearerToken({ headers }: IncomingMessage): string | undefined {
  const [scheme, token] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'bearer' && token) return token;
  for (const protocol of (headers['sec-websocket-protocol'] ?? '').split(',')) {
    const encoded = /^\s*base64url\.bearer\.authorization\.k8s\.io\.(.+?)\s*$/.exec(protocol)?.[1];
    if (encoded) return Buffer.from(encoded, 'base64url').toString();
  }
  return undefined;
}
