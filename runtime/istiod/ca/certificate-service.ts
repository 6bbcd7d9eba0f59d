import { status, type Metadata } from '@grpc/grpc-js';
import { KIND } from '../../api/kinds';
import type { Pod } from '../../api/resources';
import type { KubeClient } from '../../kube/client';
import type { IstioCertificateRequest } from '../../proto/gen/istio/ca/ca_pb';
import { log } from '../../telemetry/log';
import { Refusal, type Authenticator } from '../auth/authenticator';
import type { CallerIdentity } from '../auth/caller';
import type { MeshSettings } from '../mesh-objects';
import { certificatesIssued, certificateRequests } from '../metrics';
import type { Authority } from './authority';
import { impersonationProblem, readSpiffe, spiffeOf, type SpiffeIdentity } from './impersonation';
import { DEFAULT_TTL_SECONDS, issueCertificate, MAX_TTL_SECONDS, readCsr } from './issue';

const logger = log('ca');

export interface CertificateServiceOptions {
  readonly authority: Authority;
  readonly authenticator: Authenticator;
  readonly client: KubeClient;
  readonly settings: MeshSettings;
  /** Current pods by `namespace/name`; may lag behind the API. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** Service accounts of node proxies, `namespace/name`. */
  readonly trustedNodeAccounts: ReadonlySet<string>;
}

/**
 * Signs certificates for workloads: for the caller itself, or, for a node proxy, for identities of its node.
 *
 * @see protocol reference 2.3
 */
export class CertificateService {
  constructor(private readonly options: CertificateServiceOptions) {}

  /**
   * Answers one request.
   *
   * @returns PEM chain: leaf, intermediates, and last the root bundle
   * @throws Refusal UNAUTHENTICATED for who may not have it, INVALID_ARGUMENT for a bad CSR or too long a life
   */
  async createCertificate(request: IstioCertificateRequest, metadata: Metadata): Promise<string[]> {
    certificateRequests.inc();
    const { authority, authenticator } = this.options;
    const caller = await authenticator.authenticate(metadata);
    const identity = await this.#identityFor(request, caller, metadata);
    const csr = await readCsr(request.csr);
    if ('problem' in csr) throw new Refusal(status.INVALID_ARGUMENT, csr.problem);
    const asked = Number(request.validityDuration);
    if (asked > MAX_TTL_SECONDS) {
      throw new Refusal(
        status.INVALID_ARGUMENT,
        `requested TTL ${asked}s is greater than the max allowed TTL ${MAX_TTL_SECONDS}s`,
      );
    }
    const leaf = await issueCertificate(authority, {
      publicKey: csr.publicKey,
      names: [{ type: 'url', value: spiffeOf(identity) }],
      ttlSeconds: asked > 0 ? asked : DEFAULT_TTL_SECONDS,
    });
    certificatesIssued.inc();
    logger.info('certificate issued', {
      identity: spiffeOf(identity),
      caller: `${caller.namespace}/${caller.serviceAccount}`,
    });
    return [leaf, ...authority.intermediates, authority.roots];
  }

  async #identityFor(
    request: IstioCertificateRequest,
    caller: CallerIdentity,
    metadata: Metadata,
  ): Promise<SpiffeIdentity> {
    const { trustDomain } = this.options.settings;
    const impersonated = request.metadata?.['ImpersonatedIdentity'];
    if (typeof impersonated !== 'string' || impersonated === '') {
      return { trustDomain, namespace: caller.namespace, serviceAccount: caller.serviceAccount };
    }
    const wanted = readSpiffe(impersonated);
    const problem =
      wanted === undefined
        ? `"${impersonated}" is no SPIFFE identity`
        : await this.#impersonationProblem(caller, wanted, metadata);
    if (wanted === undefined || problem !== undefined) {
      logger.warn('impersonation refused', {
        caller: `${caller.namespace}/${caller.serviceAccount}`,
        identity: impersonated,
        reason: problem,
      });
      // What exactly is wrong is not for the caller to know.
      throw new Refusal(status.UNAUTHENTICATED, 'request impersonation authentication failure');
    }
    return wanted;
  }

  async #impersonationProblem(
    caller: CallerIdentity,
    wanted: SpiffeIdentity,
    metadata: Metadata,
  ): Promise<string | undefined> {
    const { settings, trustedNodeAccounts, pods, client } = this.options;
    const account = `${caller.namespace}/${caller.serviceAccount}`;
    if (!trustedNodeAccounts.has(account)) return `${account} is not a trusted node account`;
    const cluster = metadata.get('clusterid')[0]?.toString() ?? '';
    if (cluster !== settings.clusterId) return `no node authorizer for cluster "${cluster}"`;
    if (wanted.trustDomain !== settings.trustDomain) return `trust domain "${wanted.trustDomain}" is not the mesh's`;
    if (impersonationProblem(caller, wanted, pods) === undefined) return undefined;
    // A pod that has just started may not have arrived here yet; the API knows.
    const [own, candidates] = await Promise.all([
      client.get<Pod>(KIND.Pod, caller.podName ?? '', caller.namespace),
      client.list<Pod>(KIND.Pod, { namespace: wanted.namespace }),
    ]);
    const fresh = [...(own ? [own] : []), ...candidates].map(
      (pod) => [`${pod.metadata.namespace ?? ''}/${pod.metadata.name}`, pod] as const,
    );
    return impersonationProblem(caller, wanted, new Map(fresh));
  }
}
