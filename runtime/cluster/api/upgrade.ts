import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { StatusError } from '../store/status-error';
import type { Api } from './context';
import { authorised } from './handler';
import { requestInfo } from './request-info';

/** Takes over an upgraded connection, or throws the Status that refuses it. */
export async function upgrade(api: Api, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  authorised(api, request);
  const { resource, path } = requestInfo(request);
  if (resource?.group === '' && resource.plural === 'pods' && resource.subresource === 'portforward') {
    // Loaded only here: most meshes never forward a port.
    const { portForward } = await import('./port-forward');
    return portForward(api, resource, request, socket, head);
  }
  const what = resource?.subresource ? `${resource.plural}/${resource.subresource}` : path;
  throw new StatusError(400, 'BadRequest', `${what} cannot be upgraded to ${request.headers.upgrade ?? ''}`);
}
