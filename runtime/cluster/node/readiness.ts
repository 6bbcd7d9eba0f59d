import { KIND } from '../../api/kinds';
import { APP, SYSTEM_NAMESPACE } from '../../api/labels';
import type { Pod } from '../../api/resources';
import { isReady } from '../controllers/pods';
import type { Store } from '../store/store';

/**
 * Resolves when istiod, agent and ztunnel each have a ready pod.
 *
 * @param onWaiting told who is still missing, whenever that changes
 */
export function meshReady(store: Store, onWaiting: (missing: readonly string[]) => void): Promise<void> {
  return new Promise((resolve) => {
    let last = '';
    const look = (): void => {
      const ready = new Set(
        store
          .list<Pod>(KIND.Pod, SYSTEM_NAMESPACE, (pod) => isReady(pod as Pod))
          .map(({ metadata }) => metadata.labels?.['app']),
      );
      const missing = Object.entries(APP).flatMap(([name, app]) => (ready.has(app) ? [] : [name]));
      if (missing.length === 0) {
        watch[Symbol.dispose]();
        resolve();
      } else if (missing.join() !== last) {
        last = missing.join();
        onWaiting(missing);
      }
    };
    const watch = store.watch(KIND.Pod, look);
    look();
  });
}
