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
  const pods = store.list<Pod>(KIND.Pod).filter(({ status }) => status?.phase === 'Running');
  await Promise.all(
    pods.map(({ metadata: { namespace, name } }) =>
      store.modify<Pod>(KIND.Pod, namespace, name, ({ metadata, status }) => {
        delete metadata.annotations?.[REDIRECTION];
        for (const container of status?.containerStatuses ?? []) {
          const { running, terminated } = (container.state ?? {}) as Record<string, { startedAt?: string } | undefined>;
          if (running === undefined && terminated === undefined) continue;
          const finishedAt = timestamp();
          const killed = { exitCode: 137, reason: 'MeshStopped', startedAt: running?.startedAt, finishedAt };
          container.lastState = { terminated: terminated ?? killed };
          container.state = { waiting: { reason: 'ContainerCreating' } };
          container.ready = false;
          container.restartCount++;
        }
        for (const condition of status?.conditions ?? []) {
          if (condition.type === 'Ready' || condition.type === 'ContainersReady') condition.status = 'False';
        }
      }),
    ),
  );
}
