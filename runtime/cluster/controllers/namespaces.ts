import { KIND } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { StatusError } from '../store/status-error';
import type { Store } from '../store/store';
import { Reconciler, keyOf, type Key } from './reconciler';

const ROOT_CA = 'kube-root-ca.crt';

type Namespace = KubeObject & { spec?: { finalizers?: string[] } };

/**
 * Gives every namespace its default service account and the cluster's CA, and empties one that is being deleted before
 * it goes.
 *
 * @param caCertificate PEM
 */
export function startNamespaces(store: Store, caCertificate: string): Disposable {
  const work = new Reconciler('namespaces', sync);
  work.follow(store, KIND.Namespace, ({ object }) => [keyOf(object)]);
  const again = store.watchAll((kind, { type, object }) => {
    if (type === 'DELETED' && kind.namespaced) work.add({ namespace: '', name: object.metadata.namespace ?? '' });
  });
  return {
    [Symbol.dispose]() {
      again[Symbol.dispose]();
      work[Symbol.dispose]();
    },
  };

  async function sync({ name }: Key): Promise<void> {
    const namespace = store.get(KIND.Namespace, undefined, name);
    if (namespace === undefined) return;
    if (namespace.metadata.deletionTimestamp === undefined) await complete(name);
    else await empty(name);
  }

  async function complete(namespace: string): Promise<void> {
    const missing = async (
      kind: typeof KIND.ServiceAccount | typeof KIND.ConfigMap,
      object: KubeObject,
    ): Promise<void> => {
      if (store.latest(kind, namespace, object.metadata.name) === undefined) await store.create(kind, object);
    };
    await Promise.all([
      missing(KIND.ServiceAccount, { metadata: { name: 'default', namespace } }),
      missing(KIND.ConfigMap, {
        metadata: { name: ROOT_CA, namespace },
        ...{ data: { 'ca.crt': caCertificate } },
      }),
    ]);
    const map = store.latest<KubeObject & { data?: Record<string, string> }>(KIND.ConfigMap, namespace, ROOT_CA);
    if (map !== undefined && map.data?.['ca.crt'] !== caCertificate) {
      await store.modify<typeof map>(KIND.ConfigMap, namespace, ROOT_CA, (draft) => {
        draft.data = { 'ca.crt': caCertificate };
      });
    }
  }

  /** Deletes what is in it; what is left then, held by a kubelet or a finalizer, asks for another look when it goes. */
  async function empty(namespace: string): Promise<void> {
    let left = 0;
    for (const kind of store.kinds().filter(({ namespaced }) => namespaced)) {
      const deletions = store.list(kind, namespace).map(async ({ metadata }) => {
        if (metadata.deletionTimestamp !== undefined) return 1;
        try {
          const { removed } = await store.delete(kind, namespace, metadata.name, { propagationPolicy: 'Background' });
          return removed ? 0 : 1;
        } catch (error) {
          if (StatusError.is(error, 404)) return 0;
          throw error;
        }
      });
      for (const remaining of await Promise.all(deletions)) left += remaining;
    }
    if (left > 0) return;
    await store.modify<Namespace>(KIND.Namespace, undefined, namespace, (draft) => {
      if (draft.metadata.deletionTimestamp === undefined) return false;
      draft.spec = { ...draft.spec, finalizers: draft.spec?.finalizers?.filter((name) => name !== 'kubernetes') };
      return undefined;
    });
  }
}
