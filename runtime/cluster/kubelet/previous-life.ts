import { KIND } from '../../api/kinds';
import { REDIRECTION } from '../../api/labels';
import type { Pod } from '../../api/resources';
import { timestamp } from '../store/deletion';
import type { Store } from '../store/store';

/**
 * Says of every pod in the store that it does not run, because the mesh that ran it has ended: not ready, not captured,
 * its containers about to start once more. Called before anybody can read.
 */
export async function forgetPreviousLife(store: Store): Promise<void> {
  const pods = store.list<Pod>(KIND.Pod).filter(({ status }) => status?.containerStatuses !== undefined);
  await Promise.all(
    pods.map(({ metadata: { namespace, name } }) =>
      store.modify<Pod>(KIND.Pod, namespace, name, ({ metadata, status }) => {
        delete metadata.annotations?.[REDIRECTION];
        for (const container of status?.containerStatuses ?? []) {
          const ran = container.state?.['running'] as { startedAt?: string } | undefined;
          if (ran === undefined) continue;
          const finishedAt = timestamp();
          container.ready = false;
          container.restartCount++;
          container.lastState = {
            terminated: { exitCode: 137, reason: 'MeshStopped', startedAt: ran.startedAt, finishedAt },
          };
          container.state = { waiting: { reason: 'ContainerCreating' } };
        }
        for (const condition of status?.conditions ?? []) {
          if (condition.type === 'Ready' || condition.type === 'ContainersReady') condition.status = 'False';
        }
      }),
    ),
  );
}
