import { createHash } from 'node:crypto';
import { apiVersionOf, KIND, type Kind } from '../../api/kinds';
import type { KubeObject, OwnerReference, Pod, PodTemplate } from '../../api/resources';
import { controllerOf } from './reconciler';
import type { Store } from '../store/store';

/** Pods that an object manages. */
export function podsOf(store: Store, owner: KubeObject): Pod[] {
  return store.list<Pod>(KIND.Pod, owner.metadata.namespace, (pod) => controllerOf(pod)?.uid === owner.metadata.uid);
}

export function ownerReference(kind: Kind, { metadata }: KubeObject): OwnerReference {
  const { name, uid = '' } = metadata;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** A pod after a template, owned by the object that holds the template. */
export function podFrom(kind: Kind, owner: KubeObject, template: PodTemplate): Pod {
  const { labels, annotations } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      ...(labels && { labels: { ...labels } }),
      ...(annotations && { annotations: { ...annotations } }),
      ownerReferences: [ownerReference(kind, owner)],
    },
    spec: structuredClone(template.spec),
  };
}

/** Neither ended nor being deleted. */
export const isActive = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

const readyCondition = ({ status }: Pod) =>
  status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True');

export const isReady = (pod: Pod): boolean => readyCondition(pod) !== undefined;

/** Milliseconds until a pod has been ready for so many seconds; Infinity when it is not ready. */
export function untilAvailable(pod: Pod, minReadySeconds: number): number {
  const ready = readyCondition(pod);
  if (ready === undefined) return Infinity;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, Date.parse(ready.lastTransitionTime ?? '') + minReadySeconds * 1000 - Date.now());
}

/** Pods in the order in which they are given up: unscheduled, not ready, youngest first. */
export function byWorth(a: Pod, b: Pod): number {
  const worth = (pod: Pod): number => (pod.spec.nodeName ? 1 : 0) + (isReady(pod) ? 2 : 0);
  const age = (pod: Pod): string => pod.metadata.creationTimestamp ?? '';
  return worth(a) - worth(b) || (age(a) < age(b) ? 1 : age(a) > age(b) ? -1 : 0);
}

/** A short hash of a template, in letters that form no words. */
export function templateHash(template: PodTemplate): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted(template)))
    .digest();
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join('');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]));
}

/** An absolute number, or a percentage of a whole. */
export function portion(
  value: unknown,
  whole: number,
  fallback: number | string,
  round: (value: number) => number,
): number {
  const given = value ?? fallback;
  const text = String(given);
  return text.endsWith('%') ? round((Number(text.slice(0, -1)) * whole) / 100) : Number(text);
}
