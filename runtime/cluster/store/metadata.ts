import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { sameJson } from '../../api/json';
import { invalid } from './status-error';

/** `<group>/<plural>`: all versions of a kind are one resource. */
export const resourceKey = ({ group, plural }: Pick<Kind, 'group' | 'plural'>): string => `${group}/${plural}`;

/** Fields that no client sets. */
export function keepServerFields(draft: KubeObject, previous: KubeObject): void {
  const { metadata } = draft;
  const old = previous.metadata;
  metadata.uid = old.uid;
  metadata.creationTimestamp = old.creationTimestamp;
  metadata.resourceVersion = old.resourceVersion;
  for (const field of ['generation', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if (old[field] === undefined) delete metadata[field];
    else (metadata as unknown as Record<string, unknown>)[field] = old[field];
  }
  if (old.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer));
    if (added.length > 0) {
      const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => `"${name}"`).join(', ')}}`;
      throw invalid({ group: '', plural: '', kind: draft.kind ?? '' }, metadata.name, [
        { reason: 'FieldValueForbidden', message, field: 'metadata.finalizers' },
      ]);
    }
  }
}

/** Kinds whose metadata.generation upstream leaves unset: those without a desired state apart from their data. */
const UNGENERATED = new Set([
  '/namespaces',
  '/nodes',
  '/services',
  '/endpoints',
  '/serviceaccounts',
  '/configmaps',
  '/secrets',
  '/events',
  'events.k8s.io/events',
  'coordination.k8s.io/leases',
]);
export const hasGeneration = (kind: Kind): boolean =>
  !UNGENERATED.has(resourceKey(kind)) && kind.group !== 'rbac.authorization.k8s.io';

/** Whether anything but metadata and status differs. */
export function specChanged(draft: KubeObject, previous: KubeObject): boolean {
  const rest = ({ metadata: _, status: __, ...others }: KubeObject & { status?: unknown }): object => others;
  return !sameJson(rest(draft), rest(previous));
}
