import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { StatusError } from '../store/status-error';
import type { Api } from './context';
import { authorised } from './handler';
import { requestInfo } from './request-info';

/** Takes over an upgraded connection, or throws the Status that refuses it. */
export function upgrade(api: Api, request: IncomingMessage, _socket: Duplex, _head: Buffer): Promise<void> {
  authorised(api, request);
  const { resource } = requestInfo(request);
  const what = resource?.subresource ? `${resource.plural}/${resource.subresource}` : requestInfo(request).path;
  return Promise.reject(
    new StatusError(400, 'BadRequest', `${what} cannot be upgraded to ${request.headers.upgrade ?? ''}`),
  );
}
