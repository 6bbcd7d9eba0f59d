import type { Duplex } from 'node:stream';

/** A workload certificate with its key: everything a TLS context of one identity needs. All PEM. */
export interface WorkloadCertificate {
  /** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` */
  readonly identity: string;
  readonly privateKey: string;
  /** Leaf first, then intermediates. */
  readonly certificateChain: string;
  /** Trust roots; may hold several certificates. */
  readonly roots: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Decimal. */
  readonly serialNumber: string;
}

/** Gives the current certificate of an identity, fetching it when there is none; renews in the background. */
export interface CertificateSource {
  fetch(identity: string): Promise<WorkloadCertificate>;
  /** The current certificate without waiting. */
  current(identity: string): WorkloadCertificate | undefined;
}

/** A CONNECT that the HBONE server received and accepted as well-formed; the handler answers it. */
export interface HboneRequest {
  /** SPIFFE id of the peer, from its client certificate. */
  readonly peerIdentity: string;
  readonly peerAddress: { readonly address: string; readonly port: number };
  /** `:authority`, split. IPv6 without brackets. */
  readonly authority: { readonly host: string; readonly port: number };
  /** Where the TCP connection was addressed to (the pod's own address and 15008). */
  readonly localAddress: { readonly address: string; readonly port: number };
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Answers 200 (with `baggage` when given) and yields the tunnel's bytes; END_STREAM is the half close. */
  accept(headers?: Record<string, string>): Duplex;
  /** Answers with a status and ends the stream: 400, 401, 503. */
  refuse(status: number): void;
}
