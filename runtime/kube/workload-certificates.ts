import { PORT } from '../api/ports';
import type { Pod } from '../api/resources';
import { readCertificates, type WorkloadCertificate } from './certificates';
import { apiError, type KubeClient } from './client';
import { getInPod } from './pod-port';

/** The certificates that a ztunnel holds, from its loopback; its pod is asked once, through port-forward. */
export async function workloadCertificates(
  client: KubeClient,
  ztunnel: Pick<Pod, 'metadata'>,
): Promise<WorkloadCertificate[]> {
  const { status, body } = await getInPod(client, ztunnel, PORT.admin, '/config_dump');
  const { namespace, name } = ztunnel.metadata;
  if (status !== 200) throw apiError(status, body, `the configuration of ${namespace}/${name}`);
  return readCertificates(body);
}
