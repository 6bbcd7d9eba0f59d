import type { Pod } from '../api/resources';
import { expiryWords, type WorkloadCertificate } from '../kube/certificates';
import type { KubeClient } from '../kube/client';
import { workloadCertificates } from '../kube/workload-certificates';
import { reasonOf } from '../errors';
import { ok, skipped, warn, type Finding } from './check';

/** ztunnel renews a certificate at half of its life, which is a day unless somebody said otherwise. */
const SOON_MS = 3_600_000;
const MOST_NAMES = 3;
const REMEDY =
  'ztunnel renews at half of the lifetime: see the logs of ztunnel and istiod (upstream: kubectl -n istio-system logs; ours: ambient logs).';

/** What the certificates that ztunnels hold come to. */
export function certificatesFinding(certificates: readonly WorkloadCertificate[], now: number): Finding {
  if (certificates.length === 0) return skipped('no workload has asked for one yet');
  const wrong = certificates.flatMap(({ identity, state, expires }) => {
    if (state.startsWith('Unavailable')) return [`${identity} (${state})`];
    return expires !== undefined && expires - now < SOON_MS ? [`${identity} (${expiryWords(expires, now)})`] : [];
  });
  if (wrong.length > 0) {
    const rest = wrong.length > MOST_NAMES ? ` and ${wrong.length - MOST_NAMES} more` : '';
    return warn(`${wrong.slice(0, MOST_NAMES).join('; ')}${rest}`, REMEDY);
  }
  const ends = certificates.flatMap(({ expires }) => expires ?? []);
  const first = ends.length === 0 ? 'none is there yet' : `the first ${expiryWords(Math.min(...ends), now)}`;
  return ok(`${certificates.length} of workloads, ${first}`);
}

/** Asks each ztunnel; where port-forward is not to be had, that is a warning, since the mesh may be well. */
export async function workloadCertificatesFinding(client: KubeClient, ztunnels: readonly Pod[]): Promise<Finding> {
  const held: WorkloadCertificate[] = [];
  try {
    for (const ztunnel of ztunnels) held.push(...(await workloadCertificates(client, ztunnel)));
  } catch (error) {
    return warn(`not readable: ${reasonOf(error)}`, 'istioctl ztunnel-config certificates reads them too.');
  }
  return certificatesFinding(held, Date.now());
}
