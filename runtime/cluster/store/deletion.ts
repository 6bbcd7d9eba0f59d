import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { isObject } from '../../api/json';

const DEFAULT_GRACE_SECONDS = 30;

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Now, in the seconds' precision of Kubernetes timestamps. */
export function timestamp(milliseconds = Date.now()): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Marks a draft as being deleted, with the finalizers that the propagation policy asks for. */
export function markDeleted(kind: Kind, draft: KubeObject, options: DeleteOptions): void {
  const { metadata } = draft;
  const finalizers = new Set(metadata.finalizers);
  finalizers.delete('foregroundDeletion');
  if (options.propagationPolicy !== undefined) finalizers.delete('orphan');
  if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
  else if (options.propagationPolicy === 'Orphan') finalizers.add('orphan');
  else if (options.propagationPolicy === undefined && metadata.finalizers?.includes('foregroundDeletion')) {
    finalizers.add('foregroundDeletion');
  }
  if (finalizers.size > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;

  const grace = graceSeconds(kind, draft, options);
  const already = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp === undefined && metadata.generation !== undefined) metadata.generation++;
  if (metadata.deletionTimestamp === undefined || (already !== undefined && grace < already)) {
    metadata.deletionTimestamp = timestamp(Date.now() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (kind.group === '' && kind.plural === 'namespaces') {
    const namespace = draft as KubeObject & { status?: Record<string, unknown> };
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  }
}

/** Only pods on a node that still run are given time to end. */
function graceSeconds(kind: Kind, draft: KubeObject, options: DeleteOptions): number {
  if (kind.group !== '' || kind.plural !== 'pods') return 0;
  const { spec, status } = draft as KubeObject & {
    spec?: { nodeName?: string; terminationGracePeriodSeconds?: number };
    status?: { phase?: string };
  };
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  return options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}

/** Whether nothing holds a deleted object any more. */
export function isReleased(kind: Kind, { metadata, ...rest }: KubeObject): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers?.length ?? 0) > 0) return false;
  if ((metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  if (kind.group === '' && kind.plural === 'namespaces') {
    const { spec } = rest as { spec?: { finalizers?: unknown[] } };
    return !isObject(spec) || (spec.finalizers?.length ?? 0) === 0;
  }
  return true;
}
