import type { Condition } from '../../api/resources';

/** A condition as it should be; time and generation are added when it is written. */
export type DesiredCondition = Required<Pick<Condition, 'type' | 'status' | 'reason' | 'message'>>;

/** Now, as Kubernetes writes times: to the second. */
export function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

/**
 * The conditions of an object after ours are put in: other controllers' stay, ours that are not wanted go, and the time
 * of a transition changes only with the status.
 *
 * @param owned condition types that are ours to write and to remove
 * @param now ISO time of a transition
 * @returns the new list, or undefined when nothing would change
 */
export function mergeConditions(
  existing: readonly Condition[] | undefined,
  desired: readonly DesiredCondition[],
  owned: readonly string[],
  generation: number | undefined,
  now: string,
): Condition[] | undefined {
  const before = existing ?? [];
  const kept = before.filter(({ type }) => !owned.includes(type));
  const written = desired.map((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    const lastTransitionTime = old?.status === condition.status ? (old.lastTransitionTime ?? now) : now;
    return { ...condition, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  });
  const after = [...kept, ...written];
  return sameConditions(before, after) ? undefined : after;
}

function sameConditions(a: readonly Condition[], b: readonly Condition[]): boolean {
  const text = (conditions: readonly Condition[]): string =>
    JSON.stringify(
      conditions
        .map(({ type, status, reason, message, observedGeneration }) => [
          type,
          status,
          reason,
          message,
          observedGeneration,
        ])
        .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1)),
    );
  return text(a) === text(b);
}
