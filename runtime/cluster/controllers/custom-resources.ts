import { KIND } from '../../api/kinds';
import { CLEANUP } from '../admission/defaults';
import type { CustomResourceDefinition } from '../../api/crds';
import { servedKinds } from '../api/registry';
import { StatusError } from '../store/status-error';
import type { Store } from '../store/store';
import { Reconciler, keyOf, type Key } from './reconciler';

/** Deletes the objects of a CustomResourceDefinition that is being deleted, and then lets it go. */
export function startCustomResources(store: Store): Disposable {
  const work = new Reconciler('custom resources', sync);
  work.follow<CustomResourceDefinition>(store, KIND.CustomResourceDefinition, ({ object }) =>
    object.metadata.deletionTimestamp === undefined ? [] : [keyOf(object)],
  );
  const again = store.watchAll((kind, { type }) => {
    if (type !== 'DELETED') return;
    const name = `${kind.plural}.${kind.group}`;
    const definition = store.get(KIND.CustomResourceDefinition, undefined, name);
    if (definition?.metadata.deletionTimestamp !== undefined) work.add({ namespace: '', name });
  });
  return {
    [Symbol.dispose]() {
      again[Symbol.dispose]();
      work[Symbol.dispose]();
    },
  };

  async function sync({ name }: Key): Promise<void> {
    const definition = store.get<CustomResourceDefinition>(KIND.CustomResourceDefinition, undefined, name);
    if (definition?.metadata.deletionTimestamp === undefined) return;
    const [kind] = servedKinds(definition);
    let left = 0;
    for (const { metadata } of kind ? store.list(kind) : []) {
      left++;
      if (metadata.deletionTimestamp !== undefined) continue;
      try {
        if ((await store.delete(kind!, metadata.namespace, metadata.name)).removed) left--;
      } catch (error) {
        if (!StatusError.is(error, 404)) throw error;
        left--;
      }
    }
    if (left > 0) return;
    await store.modify(KIND.CustomResourceDefinition, undefined, name, ({ metadata }) => {
      metadata.finalizers = metadata.finalizers?.filter((finalizer) => finalizer !== CLEANUP);
    });
    if (kind) store.forget(kind);
  }
}
