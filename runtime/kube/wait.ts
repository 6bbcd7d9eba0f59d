import type { Kind } from '../api/kinds';
import type { KubeObject } from '../api/resources';
import type { KubeClient, ListOptions } from './client';
import { Watch } from './watch';

/**
 * Waits until a condition holds over a kind's objects, judged at each change.
 *
 * @param judge returns undefined while it does not hold
 * @returns what `judge` returned, or undefined when the time (milliseconds) ran out
 */
export async function waitFor<T extends KubeObject, R>(
  client: KubeClient,
  kind: Kind,
  judge: (objects: readonly T[]) => R | undefined,
  { timeoutMs, signal, ...options }: ListOptions & { timeoutMs: number; signal?: AbortSignal },
): Promise<R | undefined> {
  let settle!: (value: R | undefined) => void;
  const settled = new Promise<R | undefined>((resolve) => (settle = resolve));
  let synced = false;
  const look = (): void => {
    if (!synced) return;
    const result = judge(watch.values());
    if (result !== undefined) settle(result);
  };
  const watch: Watch<T> = new Watch<T>(client, kind, look, options);
  void watch.ready.then(() => {
    synced = true;
    look();
  });
  const timer = setTimeout(() => settle(undefined), timeoutMs);
  const abort = (): void => settle(undefined);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await settled;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    await watch[Symbol.asyncDispose]();
  }
}
