import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { StatusError } from '../store/status-error';
import type { Store, StoreEvent } from '../store/store';
import { Reconciler } from './reconciler';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

interface Entry {
  readonly kind: Kind;
  object: KubeObject;
}

/**
 * Deletes objects whose owners are all gone, and ends foreground and orphan deletions. It knows every object by its
 * uid, so an owner that never was counts as gone.
 */
export function startGarbageCollector(store: Store): Disposable {
  const known = new Map<string, Entry>();
  const dependents = new Map<string, Set<string>>();
  // Work is by uid: the key's name carries it.
  const work = new Reconciler('garbage collector', ({ name }) => sync(name));
  const look = (uid: string): void => work.add({ namespace: '', name: uid });

  for (const kind of store.kinds()) for (const object of store.list(kind)) add(kind, object);
  for (const [uid, { object }] of known) if (concerns(object)) look(uid);
  const watch = store.watchAll((kind, event) => on(kind, event));
  return {
    [Symbol.dispose]() {
      watch[Symbol.dispose]();
      work[Symbol.dispose]();
    },
  };

  function concerns({ metadata }: KubeObject): boolean {
    if (metadata.ownerReferences?.length) return true;
    return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.length ?? 0) > 0;
  }

  function add(kind: Kind, object: KubeObject): void {
    const uid = object.metadata.uid!;
    known.set(uid, { kind, object });
    for (const owner of object.metadata.ownerReferences ?? []) {
      let owned = dependents.get(owner.uid);
      if (owned === undefined) dependents.set(owner.uid, (owned = new Set()));
      owned.add(uid);
    }
  }

  function forget({ metadata }: KubeObject): void {
    for (const owner of metadata.ownerReferences ?? []) {
      const owned = dependents.get(owner.uid);
      owned?.delete(metadata.uid!);
      if (owned?.size === 0) dependents.delete(owner.uid);
    }
  }

  function on(kind: Kind, { type, object, previous }: StoreEvent): void {
    const uid = object.metadata.uid!;
    if (previous !== undefined) forget(previous);
    if (type === 'DELETED') {
      known.delete(uid);
      for (const dependent of dependents.get(uid) ?? []) look(dependent);
      // An owner in foreground deletion waits for its dependents.
      for (const owner of previous?.metadata.ownerReferences ?? []) {
        if (known.get(owner.uid)?.object.metadata.finalizers?.includes(FOREGROUND)) look(owner.uid);
      }
      return;
    }
    add(kind, object);
    if (concerns(object)) look(uid);
  }

  async function sync(uid: string): Promise<void> {
    const entry = known.get(uid);
    if (entry === undefined) return;
    const { metadata } = entry.object;
    if (metadata.deletionTimestamp !== undefined) {
      if (metadata.finalizers?.includes(ORPHAN)) return orphan(entry);
      if (metadata.finalizers?.includes(FOREGROUND)) return deleteDependents(entry);
      return;
    }
    const owners = metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const alive = owners.filter((owner) => known.has(owner.uid));
    if (alive.length === 0) await remove(entry);
    else if (alive.length < owners.length) {
      await change(entry, (draft) => {
        draft.metadata.ownerReferences = draft.metadata.ownerReferences?.filter((owner) => known.has(owner.uid));
      });
    } else {
      const leaving = (owner: (typeof owners)[number]): boolean => {
        const { deletionTimestamp, finalizers } = known.get(owner.uid)!.object.metadata;
        return deletionTimestamp !== undefined && (finalizers?.includes(FOREGROUND) ?? false);
      };
      if (owners.every(leaving)) await remove(entry);
    }
  }

  async function orphan(entry: Entry): Promise<void> {
    const uid = entry.object.metadata.uid!;
    for (const id of [...(dependents.get(uid) ?? [])]) {
      const dependent = known.get(id);
      if (dependent === undefined) continue;
      await change(dependent, ({ metadata }) => {
        metadata.ownerReferences = metadata.ownerReferences?.filter((owner) => owner.uid !== uid);
      });
    }
    await dropFinalizer(entry, ORPHAN);
  }

  async function deleteDependents(entry: Entry): Promise<void> {
    const owned = [...(dependents.get(entry.object.metadata.uid!) ?? [])].flatMap((id) => known.get(id) ?? []);
    if (owned.length === 0) return dropFinalizer(entry, FOREGROUND);
    for (const { object } of owned) if (object.metadata.deletionTimestamp === undefined) look(object.metadata.uid!);
  }

  function dropFinalizer(entry: Entry, finalizer: string): Promise<void> {
    return change(entry, ({ metadata }) => {
      metadata.finalizers = metadata.finalizers?.filter((name) => name !== finalizer);
    });
  }

  async function remove({ kind, object }: Entry): Promise<void> {
    const { namespace, name, uid } = object.metadata;
    await ignoringGone(() =>
      store.delete(kind, namespace, name, { propagationPolicy: 'Background', preconditions: { uid } }),
    );
  }

  async function change({ kind, object }: Entry, edit: (draft: KubeObject) => void): Promise<void> {
    const { namespace, name, uid } = object.metadata;
    await ignoringGone(() =>
      store.modify(kind, namespace, name, (draft) => {
        if (draft.metadata.uid !== uid) return false;
        edit(draft);
        return undefined;
      }),
    );
  }
}

async function ignoringGone(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!StatusError.is(error, 404) && !StatusError.is(error, 409)) throw error;
  }
}
