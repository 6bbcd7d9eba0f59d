import type { KubeObject } from '../../api/resources';
import { schemaOf } from '../schema/kind-schema';
import { copy, isObject } from '../../api/json';
import { StatusError, badRequest, notFound } from '../store/status-error';
import { applyConfiguration } from './apply';
import type { ResourceCall } from './context';
import { applyJsonPatch } from './json-patch';
import { recordUpdate, setManagers, type ManagedFields } from './managed-fields';
import { applyMergePatch } from './merge-patch';
import { flag } from './request-info';
import { decodeBody, mediaType, readBody } from './respond';
import { applyStrategicMerge } from './strategic-merge';
import { fieldManager } from './write-options';

/** A patch that was read and waits for the object that it changes. */
export interface Patch {
  /** Whether it makes the object when there is none: server-side apply does. */
  readonly creates: boolean;
  /** The object after the patch; the one before is not touched. */
  apply(base: KubeObject | undefined): Record<string, unknown>;
  /** Writes managedFields into the admitted object. */
  record(object: KubeObject, previous: KubeObject | undefined): void;
}

const TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

function unsupported(type: string, supported: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', type === '' ? `${message} (none was named)` : message);
}

/** Reads the patch of a request. Throws 415 for a type that the kind does not take. */
export async function patched(call: ResourceCall): Promise<Patch> {
  const type = mediaType(call.request);
  const supported = call.kind.custom ? TYPES.filter((known) => !known.includes('strategic')) : TYPES;
  if (!supported.includes(type)) throw unsupported(type, supported);
  const body = await decodeBody(await readBody(call.request), type);
  if (type === 'application/apply-patch+yaml') return applyPatch(call, body);
  const { kind } = call;
  const change = (base: KubeObject): unknown => {
    if (type === 'application/json-patch+json') return applyJsonPatch(copy(base), body);
    if (!isObject(body)) throw badRequest('error decoding patch: the patch must be an object');
    if (type === 'application/merge-patch+json') return applyMergePatch(base, body);
    return applyStrategicMerge(base, body, schemaOf(kind));
  };
  return {
    creates: false,
    apply(base) {
      if (base === undefined) throw notFound(kind, call.name ?? '');
      const result = change(base);
      if (!isObject(result)) throw badRequest('the patched object is no object');
      // A patch that does not name a resourceVersion is for whatever is there.
      return copy(result);
    },
    record: (object, previous) =>
      recordUpdate(kind, object, previous, fieldManager(call), call.info.resource?.subresource),
  };
}

function applyPatch(call: ResourceCall, body: unknown): Patch {
  const { kind, info, name = '' } = call;
  const manager = info.query.get('fieldManager');
  if (!manager)
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  if (!isObject(body)) throw badRequest('error decoding YAML: the configuration must be an object');
  const given = (body['metadata'] ?? {}) as KubeObject['metadata'];
  if (given.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  const subresource = info.resource?.subresource;
  let managers: readonly ManagedFields[] = [];
  return {
    creates: subresource === undefined,
    apply(base) {
      const metadata = { ...given, name: given.name ?? name };
      const configuration = { ...body, metadata } as KubeObject;
      const applied = applyConfiguration(kind, base, configuration, {
        manager,
        force: flag(info.query, 'force'),
        subresource,
      });
      managers = applied.managers;
      return copy(applied.object);
    },
    record: (object, previous) => setManagers(object, [...managers], previous),
  };
}
