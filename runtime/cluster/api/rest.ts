import { apiVersionOf } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { copy, isObject } from '../../api/json';
import { parseFieldSelector, parseLabelSelector, type Selector } from '../store/selectors';
import { badRequest, invalid, notFound } from '../store/status-error';
import { acceptedForm } from './accept';
import type { ResourceCall } from './context';
import { readIncoming, validateCustom, warnOfUnsupported } from './incoming';
import { recordUpdate } from './managed-fields';
import { patched } from './patch';
import { inVersion, presenterOf, type Presenter, type RowObject } from './present';
import { readObject, sendJson } from './respond';
import { deleteOptions, fieldManager, writeOptions } from './write-options';
import { serveWatch } from './watch';

type Bag = KubeObject & Record<string, unknown>;

const TABLE_TYPE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

function presenter(call: ResourceCall): { presenter: Presenter; contentType: string } {
  const form = acceptedForm(call.request);
  const rows = (call.info.query.get('includeObject') ?? 'Metadata') as RowObject;
  return {
    presenter: presenterOf(call.kind, form, rows),
    contentType: form === 'table' ? TABLE_TYPE : 'application/json',
  };
}

function sendObject(call: ResourceCall, object: KubeObject, code = 200): void {
  const { presenter: shown, contentType } = presenter(call);
  sendJson(call.response, code, shown.one(object), contentType);
}

function selectorOf({ info, kind, name }: ResourceCall): Selector | undefined {
  const labels = info.query.get('labelSelector');
  const fields = info.query.get('fieldSelector');
  const tests: Selector[] = [];
  if (labels) tests.push(parseLabelSelector(labels));
  if (fields) tests.push(parseFieldSelector(fields, kind.selectable));
  if (name !== undefined) tests.push((object) => object.metadata.name === name);
  return tests.length === 0 ? undefined : (object) => tests.every((test) => test(object));
}

function current(call: ResourceCall): Bag {
  const { api, kind, namespace, name = '' } = call;
  const object = api.store.latest<Bag>(kind, namespace, name);
  if (object === undefined) throw notFound(kind, name);
  return object;
}

export function getObject(call: ResourceCall): void {
  const { api, kind, namespace, name = '' } = call;
  const object = api.store.get(kind, namespace, name);
  if (object === undefined) throw notFound(kind, name);
  sendObject(call, object);
}

export function listObjects(call: ResourceCall): void {
  const { api, kind, namespace } = call;
  const objects = api.store.list(kind, namespace, selectorOf(call));
  const { presenter: shown, contentType } = presenter(call);
  sendJson(call.response, 200, shown.list(objects, api.store.resourceVersion), contentType);
}

export function watchObjects(call: ResourceCall): void {
  const { api, kind, namespace, info } = call;
  serveWatch(call.response, {
    store: api.store,
    kind,
    namespace,
    selector: selectorOf(call),
    query: info.query,
    ...presenter(call),
  });
}

/** Checks that a body is an object of the kind and place that the path names, and gives it the stored version. */
function typed(call: ResourceCall, body: Record<string, unknown>): Bag {
  const { kind, namespace, name } = call;
  const expected = apiVersionOf(kind);
  if ((body['kind'] ?? kind.kind) !== kind.kind || (body['apiVersion'] ?? expected) !== expected) {
    throw badRequest(
      `${String(body['kind'])} in version "${String(body['apiVersion'])}" cannot be handled as a ${kind.kind}: ` +
        `the object provided does not match the expected ${expected}, Kind=${kind.kind}`,
    );
  }
  if (!isObject(body['metadata'] ?? {})) throw badRequest('metadata must be an object');
  const object = { ...body, apiVersion: kind.custom?.storageVersion ?? expected, kind: kind.kind } as unknown as Bag;
  object.metadata = { ...object.metadata };
  if (kind.namespaced) {
    object.metadata.namespace ||= namespace;
    if (object.metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
  }
  if (name !== undefined) {
    object.metadata.name ||= name;
    if (object.metadata.name !== name) {
      throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
    }
  }
  return object;
}

/** An object as it may be stored: what the client may not set is taken from the previous one. */
function settled(call: ResourceCall, object: Bag, previous: Bag | undefined): Bag {
  const hasStatus = call.kind.subresources.includes('status');
  if (call.info.resource?.subresource === 'status') {
    if (previous === undefined) return object;
    const { resourceVersion, uid, managedFields } = object.metadata;
    const status = object['status'];
    return {
      ...copy(previous),
      metadata: { ...copy(previous.metadata), resourceVersion, uid, managedFields },
      ...(status !== undefined && { status }),
    };
  }
  if (!hasStatus) return object;
  const rest = { ...object };
  delete rest['status'];
  const kept = previous?.['status'];
  return (kept === undefined ? rest : { ...rest, status: kept }) as Bag;
}

/** Reads, settles and checks what a client sent. */
function admitted(call: ResourceCall, object: Bag, previous: Bag | undefined): Bag {
  const result = settled(call, readIncoming(call, object), previous);
  validateCustom(call.kind, result, previous);
  warnOfUnsupported(call, result);
  return result;
}

export async function createObject(call: ResourceCall): Promise<void> {
  const { api, kind, response } = call;
  const body = await readObject(call.request);
  const object = admitted(call, typed(call, body), undefined);
  recordUpdate(kind, object, undefined, fieldManager(call));
  sendObject({ ...call, response }, await api.store.create(kind, object, writeOptions(call)), 201);
}

export async function updateObject(call: ResourceCall): Promise<void> {
  const { api, kind } = call;
  const body = await readObject(call.request);
  const previous = current(call);
  const object = admitted(call, typed(call, body), previous);
  if (kind.custom !== undefined && !object.metadata.resourceVersion) {
    throw invalid(kind, object.metadata.name, [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: 0x0: must be specified for an update',
        field: 'metadata.resourceVersion',
      },
    ]);
  }
  recordUpdate(kind, object, previous, fieldManager(call), call.info.resource?.subresource);
  sendObject(call, await api.store.update(kind, object, writeOptions(call)));
}

export async function patchObject(call: ResourceCall): Promise<void> {
  const { api, kind, namespace, name = '' } = call;
  const patch = await patched(call);
  const previous = api.store.latest<Bag>(kind, namespace, name);
  if (previous === undefined && !patch.creates) throw notFound(kind, name);
  const base = previous && inVersion(kind, previous);
  const object = admitted(call, typed(call, patch.apply(base)), previous);
  patch.record(object, previous);
  const options = writeOptions(call);
  if (previous === undefined) sendObject(call, await api.store.create(kind, object, options), 201);
  else sendObject(call, await api.store.update(kind, object, options));
}

export async function deleteObject(call: ResourceCall): Promise<void> {
  const { api, kind, namespace, name = '' } = call;
  const options = await deleteOptions(call);
  const { removed, object } = await api.store.delete(kind, namespace, name, options);
  if (!removed) return sendObject(call, object);
  sendJson(call.response, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(kind.group && { group: kind.group }), kind: kind.plural, uid: object.metadata.uid },
  });
}

export async function deleteCollection(call: ResourceCall): Promise<void> {
  const { api, kind, namespace } = call;
  const options = await deleteOptions(call);
  const objects = api.store.list(kind, namespace, selectorOf(call));
  const deletions = objects.map(({ metadata }) =>
    api.store.delete(kind, metadata.namespace, metadata.name, options).then(
      ({ object }) => [object],
      // Gone in the meantime: that is what was asked for.
      () => [],
    ),
  );
  const deleted = (await Promise.all(deletions)).flat();
  sendJson(call.response, 200, presenterOf(kind, 'object').list(deleted, api.store.resourceVersion));
}
