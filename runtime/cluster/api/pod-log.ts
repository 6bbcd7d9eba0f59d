import { KIND } from '../../api/kinds';
import type { Container, Pod } from '../../api/resources';
import { StatusError, badRequest, notFound } from '../store/status-error';
import type { ResourceCall } from './context';
import { count, flag } from './request-info';

/** Streams a container's log as text; the first container's when a pod has only one. */
export async function answerPodLog(call: ResourceCall): Promise<void> {
  const { api, response, info, namespace, name = '' } = call;
  const pod = api.store.get<Pod>(KIND.Pod, namespace, name);
  if (pod === undefined) throw notFound(KIND.Pod, name);
  const container = containerOf(pod, info.query.get('container'));
  if (api.kubelet === undefined) throw new StatusError(503, 'ServiceUnavailable', 'no kubelet runs in this cluster');
  const stop = new AbortController();
  response.once('close', () => stop.abort());
  const since = info.query.get('sinceTime');
  const sinceSeconds =
    count(info.query, 'sinceSeconds') ??
    (since === null ? undefined : Math.max(1, Math.ceil((Date.now() - Date.parse(since)) / 1000)));
  const lines = api.kubelet.logs(pod, container, {
    follow: flag(info.query, 'follow'),
    tailLines: count(info.query, 'tailLines'),
    sinceSeconds,
    timestamps: flag(info.query, 'timestamps'),
    previous: flag(info.query, 'previous'),
    signal: stop.signal,
  });
  const limit = count(info.query, 'limitBytes') ?? Infinity;
  let sent = 0;
  for await (const chunk of lines) {
    if (stop.signal.aborted) return;
    // The headers wait for the first bytes, so that a refusal can still be a Status.
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/plain' });
    const part = chunk.subarray(0, limit - sent);
    sent += part.length;
    if (!response.write(part)) await drained(response);
    if (sent >= limit) break;
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/plain' });
  response.end();
}

function drained(response: ResourceCall['response']): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function containerOf({ metadata, spec }: Pod, wanted: string | null): string {
  const { initContainers = [] } = spec as { initContainers?: Container[] };
  const names = [...initContainers, ...spec.containers].map(({ name }) => name);
  if (wanted) {
    if (!names.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
    return wanted;
  }
  const [only] = spec.containers;
  if (spec.containers.length === 1 && only !== undefined) return only.name;
  throw badRequest(`a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`);
}
