import { KIND } from '../../api/kinds';
import type { ConfigMap } from '../../api/resources';
import type { KubeClient } from '../../kube/client';
import { log } from '../../telemetry/log';
import type { MeshObjects } from '../mesh-objects';
import { ReconcileQueue } from '../reconcile-queue';

export const ROOT_CONFIG_MAP = 'istio-ca-root-cert';
/** Upstream's label on this ConfigMap; istiod watches by it. */
export const ROOT_CONFIG_LABEL = 'istio.io/config';
const ROOT_FILE = 'root-cert.pem';

/**
 * Keeps the mesh's root certificate in a ConfigMap of each namespace, where pods mount it.
 *
 * @returns queue of namespace names to look at
 * @see protocol reference 2.3, step 6
 */
export function rootDistribution(
  client: KubeClient,
  objects: Pick<MeshObjects, 'Namespace' | 'ConfigMap'>,
  roots: string,
): ReconcileQueue {
  const reconcile = async (name: string): Promise<void> => {
    const namespace = objects.Namespace.get(name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    if (objects.ConfigMap.get(`${name}/${ROOT_CONFIG_MAP}`)?.data?.[ROOT_FILE] === roots) return;
    const configMap: ConfigMap = {
      metadata: { name: ROOT_CONFIG_MAP, namespace: name, labels: { [ROOT_CONFIG_LABEL]: 'true' } },
      data: { [ROOT_FILE]: roots },
    };
    await client.apply(KIND.ConfigMap, configMap, 'istiod');
  };
  return new ReconcileQueue('root certificate distribution', reconcile, log('ca'));
}
