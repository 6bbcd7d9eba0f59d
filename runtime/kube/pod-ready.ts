import type { Pod } from '../api/resources';

/** Whether a pod says that it can serve. */
export function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}
