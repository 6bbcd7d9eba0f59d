import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import type { Pod } from '../api/resources';

const SYSTEM_NAMES = new Map<string | undefined, string>([
  [APP.istiod, 'istiod'],
  [APP.agent, 'agent'],
  [APP.ztunnel, 'ztunnel'],
]);

/** The component that a pod belongs to: `istiod`, `agent`, `ztunnel`, or `<namespace>/<workload>`. */
export function componentName(pod: Pod): string {
  const { namespace, name, labels } = pod.metadata;
  const system = namespace === SYSTEM_NAMESPACE ? SYSTEM_NAMES.get(labels?.['app']) : undefined;
  const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const hash = labels?.['pod-template-hash'];
  const workload = owner?.kind === 'ReplicaSet' && hash ? owner.name.replace(`-${hash}`, '') : (owner?.name ?? name);
  return system ?? `${namespace}/${workload}`;
}
