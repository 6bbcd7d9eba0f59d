import http from 'node:http';
import type net from 'node:net';
import { KIND } from '../../api/kinds';
import type { EndpointSlice, Pod, Service } from '../../api/resources';
import { StatusError, badRequest, notFound } from '../store/status-error';
import type { ResourceCall } from './context';

/** Headers that belong to one connection, and the credentials for this API. */
const DROPPED = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const unavailable = (message: string): StatusError => new StatusError(503, 'ServiceUnavailable', message);

/** Passes a request on to a pod's port, and the answer back as it comes: a stream stays a stream. */
export async function answerProxy(call: ResourceCall): Promise<void> {
  const { api, request, response, info, kind } = call;
  const [scheme, name, port] = targetOf(call.name ?? '');
  if (scheme === 'https') throw badRequest('https targets are not supported by the proxy');
  if (api.kubelet === undefined) throw unavailable('no kubelet runs in this cluster');
  const { pod, number } = kind.plural === 'pods' ? podTarget(call, name, port) : serviceTarget(call, name, port);
  let socket: net.Socket;
  try {
    socket = await api.kubelet.dial(pod, number);
  } catch (error) {
    throw unavailable(
      `error trying to reach ${kind.plural.slice(0, -1)} ${name}: dial tcp ${pod.status?.podIP}:${number}: ${
        error instanceof Error ? error.message : String(error)
      }`,
    );
  }
  const headers: http.OutgoingHttpHeaders = {};
  for (const [header, value] of Object.entries(request.headers)) if (!DROPPED.has(header)) headers[header] = value;
  headers['host'] = `${pod.status?.podIP ?? name}:${number}`;
  const search = info.query.toString();
  const upstream = http.request({
    createConnection: () => socket,
    method: info.method,
    path: (info.resource?.rest || '/') + (search === '' ? '' : `?${search}`),
    headers,
  });
  response.once('close', () => upstream.destroy());
  await new Promise<void>((resolve, reject) => {
    upstream.once('error', (error) => reject(unavailable(`error trying to reach ${name}: ${error.message}`)));
    upstream.once('response', (answer) => {
      const back: http.OutgoingHttpHeaders = {};
      for (const [header, value] of Object.entries(answer.headers)) if (!DROPPED.has(header)) back[header] = value;
      response.writeHead(answer.statusCode ?? 502, back);
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
      answer.once('end', resolve);
      answer.once('close', resolve);
    });
    request.pipe(upstream);
  });
}

/** `name`, `name:port` or `scheme:name:port`. */
function targetOf(text: string): [scheme: string, name: string, port: string] {
  const parts = text.split(':');
  if (parts.length === 3) return [parts[0] || 'http', parts[1]!, parts[2]!];
  return ['http', parts[0] ?? '', parts[1] ?? ''];
}

function podTarget({ api, namespace }: ResourceCall, name: string, port: string): { pod: Pod; number: number } {
  const pod = api.store.get<Pod>(KIND.Pod, namespace, name);
  if (pod === undefined) throw notFound(KIND.Pod, name);
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  if (port === '') return { pod, number: ports[0]?.containerPort ?? 80 };
  const number = /^\d+$/.test(port) ? Number(port) : ports.find((one) => one.name === port)?.containerPort;
  if (number === undefined || number < 1 || number > 65535) throw badRequest(`invalid port "${port}"`);
  return { pod, number };
}

/** A ready endpoint of the service. */
function serviceTarget(call: ResourceCall, name: string, port: string): { pod: Pod; number: number } {
  const { api, namespace } = call;
  const service = api.store.get<Service>(KIND.Service, namespace, name);
  if (service === undefined) throw notFound(KIND.Service, name);
  const ports = service.spec.ports ?? [];
  const chosen = port === '' ? ports[0] : ports.find((one) => one.name === port || String(one.port) === port);
  if (chosen === undefined) throw unavailable(`no service port "${port}" found for service "${name}"`);
  const slices = api.store.list<EndpointSlice>(
    KIND.EndpointSlice,
    namespace,
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  for (const slice of slices) {
    const number = slice.ports?.find((one) => (one.name ?? '') === (chosen.name ?? ''))?.port;
    if (number === undefined) continue;
    for (const { conditions, targetRef } of slice.endpoints ?? []) {
      if (conditions?.ready === false || targetRef?.kind !== 'Pod') continue;
      const pod = api.store.get<Pod>(KIND.Pod, namespace, targetRef.name);
      if (pod !== undefined) return { pod, number };
    }
  }
  throw unavailable(`no endpoints available for service "${name}"`);
}
