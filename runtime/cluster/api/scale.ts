import type { KubeObject, Workload } from '../../api/resources';
import { isObject } from '../../api/json';
import { badRequest, notFound } from '../store/status-error';
import type { ResourceCall } from './context';
import { applyJsonPatch } from './json-patch';
import { applyMergePatch } from './merge-patch';
import { decodeBody, mediaType, readBody, sendJson } from './respond';
import { writeOptions } from './write-options';
import { recordUpdate } from './managed-fields';
import { copy } from '../../api/json';
import { fieldManager } from './write-options';

interface Scale {
  metadata: Partial<KubeObject['metadata']>;
  spec: { replicas?: number };
  [field: string]: unknown;
}

function scaleOf({ metadata, spec, status }: Workload): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const labels = Object.entries(spec.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas ?? 0 },
    status: { replicas: Number(status?.['replicas'] ?? 0), selector: labels.join(',') },
  };
}

/** The scale subresource of workloads: get, update and patch. */
export async function answerScale(call: ResourceCall): Promise<void> {
  const { api, kind, namespace, name = '', info } = call;
  const workload = api.store.latest<Workload>(kind, namespace, name);
  if (workload === undefined) throw notFound(kind, name);
  const scale = scaleOf(workload);
  if (info.method === 'GET') return sendJson(call.response, 200, scale);
  const type = mediaType(call.request);
  const body = await decodeBody(await readBody(call.request), type);
  let wanted: unknown = body;
  if (info.method === 'PATCH') {
    wanted = type.includes('json-patch') ? applyJsonPatch(copy(scale), body) : applyMergePatch(scale, body);
  }
  const spec = isObject(wanted) ? wanted['spec'] : undefined;
  const replicas = isObject(spec) ? (spec['replicas'] ?? 0) : 0;
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    throw badRequest(`spec.replicas: Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`);
  }
  const next = copy(workload);
  next.spec.replicas = Number(replicas);
  const version = (wanted as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
  if (info.method === 'PUT' && version) next.metadata.resourceVersion = version;
  recordUpdate(kind, next, workload, fieldManager(call), 'scale');
  sendJson(call.response, 200, scaleOf(await api.store.update(kind, next, writeOptions(call))));
}
