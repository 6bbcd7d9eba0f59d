import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';
import { X509Certificate } from 'node:crypto';
import { certificateIdentity } from '../hbone/identity';
import type { WorkloadCertificate } from '../hbone/model';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  type IstioCertificateRequest,
  type IstioCertificateResponse,
} from '../proto/gen/istio/ca/ca_pb';
import { authorization, openChannel, rootCertificate, type ControlPlane } from './connection';
import { createRequest, type CertificateRequest } from './csr';

export interface CertificateClientOptions extends ControlPlane {
  /** True for a node's proxy, which asks for other workloads' identities; false for a workload that asks for its own. */
  readonly impersonate: boolean;
  /** Seconds. */
  readonly ttl?: number;
}

const method = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
/** Milliseconds for one request. */
const deadline = 10_000;

/** Asks istiod for certificates over one channel, which is made anew after a failure (protocol reference 2). */
export class CertificateClient implements Disposable {
  private channel: Promise<Client> | undefined;

  constructor(private readonly options: CertificateClientOptions) {}

  /**
   * Makes a key and has it certified.
   *
   * @throws with the server's words, or `SanError` and others when the answer is not what was asked for
   */
  async request(identity: string): Promise<WorkloadCertificate> {
    const request = createRequest(identity);
    const response = await this.create(
      create(IstioCertificateRequestSchema, {
        csr: request.csr,
        validityDuration: BigInt(this.options.ttl ?? 86_400),
        metadata: this.options.impersonate ? { ImpersonatedIdentity: identity } : {},
      }),
    );
    return checkedCertificate(identity, request, response.certChain);
  }

  [Symbol.dispose](): void {
    this.forget();
  }

  private forget(): void {
    this.channel?.then(
      (client) => client.close(),
      () => {},
    );
    this.channel = undefined;
  }

  /** A root certificate that is published while we start is waited for: failing would cost a back-off. */
  private async open(): Promise<Client> {
    await rootCertificate(this.options.rootCertPath, AbortSignal.timeout(deadline), () => {});
    return openChannel(this.options);
  }

  private async create(request: IstioCertificateRequest): Promise<IstioCertificateResponse> {
    const channel = (this.channel ??= this.open());
    try {
      const [client, metadata] = await Promise.all([channel, authorization(this.options)]);
      return await new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method,
          (message: IstioCertificateRequest) => Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
          (bytes: Buffer) => fromBinary(IstioCertificateResponseSchema, bytes),
          request,
          metadata,
          { deadline: Date.now() + deadline },
          (error, response) => (error !== null || response === undefined ? reject(error) : resolve(response)),
        );
      });
    } catch (error) {
      // The next try starts with the current root certificate and without this channel's own back-off.
      if (this.channel === channel) this.forget();
      throw error;
    }
  }
}

/**
 * Checks an answer of the certificate service: it certifies our key for the identity asked for, and names a root.
 *
 * @param chain PEM; leaf first, then intermediates, the trust roots last
 * @throws when one of that does not hold
 */
export function checkedCertificate(
  identity: string,
  request: CertificateRequest,
  chain: readonly string[],
): WorkloadCertificate {
  const [leaf, ...issuers] = chain;
  const roots = issuers.at(-1);
  if (leaf === undefined || roots === undefined) throw new Error('the certificate chain is empty or has no root');
  const certificate = new X509Certificate(leaf);
  const proven = certificateIdentity(certificate);
  if (proven !== identity) throw new Error(`SanError: certificate is for ${proven ?? 'no identity'}, not ${identity}`);
  if (certificate.publicKey.export({ type: 'spki', format: 'pem' }) !== request.publicKey) {
    throw new Error('the certificate is for another key');
  }
  return {
    identity,
    privateKey: request.privateKey,
    certificateChain: [leaf, ...issuers.slice(0, -1)].map((one) => `${one.trim()}\n`).join(''),
    roots,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    serialNumber: BigInt(`0x${certificate.serialNumber}`).toString(),
  };
}
