import { KIND } from '../api/kinds';
import { APP } from '../api/labels';
import { PORT } from '../api/ports';
import type { Pod } from '../api/resources';
import { reasonOf } from '../errors';
import {
  readCertificates,
  summarizeCertificates,
  type CertificateSummary,
  type WorkloadCertificate,
} from './certificates';
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

/**
 * Asks every ztunnel that runs, one after the other: a port-forward each. What cannot be read is told beside the rest.
 *
 * @param onAsk told which of how many is asked next, from 1
 */
export async function certificateSummary(
  client: KubeClient,
  onAsk: (next: number, all: number) => void = () => {},
): Promise<CertificateSummary> {
  const certificates: WorkloadCertificate[] = [];
  const unread: string[] = [];
  const pods = await client.list<Pod>(KIND.Pod, { labelSelector: `app=${APP.ztunnel}` });
  const ztunnels = pods.filter(({ status }) => status?.phase === 'Running');
  for (const [index, ztunnel] of ztunnels.entries()) {
    onAsk(index + 1, ztunnels.length);
    try {
      certificates.push(...(await workloadCertificates(client, ztunnel)));
    } catch (error) {
      unread.push(reasonOf(error));
    }
  }
  return summarizeCertificates(certificates, unread);
}
