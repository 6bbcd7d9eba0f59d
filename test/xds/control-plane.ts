import 'reflect-metadata';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Server,
  ServerCredentials,
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../../runtime/proto/gen/envoy/service/discovery/v3/discovery_pb';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
  type IstioCertificateRequest,
  type IstioCertificateResponse,
} from '../../runtime/proto/gen/istio/ca/ca_pb';
import type { XdsResource } from '../../runtime/xds/delta-client';
import type { ControlPlane } from '../../runtime/xds/connection';
import { createAuthority, type Authority } from '../hbone/authority';

type Stream = ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/** A stream as the server sees it: what was asked, in order, and a way to answer. */
export interface Session {
  readonly metadata: Metadata;
  readonly requests: DeltaDiscoveryRequest[];
  readonly stream: Stream;
  send(response: {
    typeUrl: string;
    nonce: string;
    resources?: XdsResource[];
    removed?: string[];
    bare?: string[];
  }): void;
}

export type Issue = (request: IstioCertificateRequest, metadata: Metadata) => Promise<string[]>;

/** A gRPC server for ADS and certificates over TLS, scripted by the test. */
export class TestControlPlane {
  readonly sessions: Session[] = [];
  readonly certificateRequests: { readonly request: IstioCertificateRequest; readonly metadata: Metadata }[] = [];
  readonly folder = mkdtempSync(path.join(tmpdir(), 'plane-'));
  issue: Issue;
  private server: Server | undefined;
  port = 0;

  private constructor(
    readonly authority: Authority,
    private readonly key: string,
    private readonly certificate: string,
  ) {
    this.issue = (request) => this.sign(request);
    writeFileSync(this.rootCertPath, authority.root);
    writeFileSync(this.tokenPath, 'token-1');
  }

  static async create(names: readonly string[] = ['dns:localhost']): Promise<TestControlPlane> {
    const authority = await createAuthority();
    const pair = (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as CryptoKeyPair;
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64');
    return new TestControlPlane(
      authority,
      `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
      await authority.sign(names, pair.publicKey),
    );
  }

  get rootCertPath(): string {
    return path.join(this.folder, 'root-cert.pem');
  }

  get tokenPath(): string {
    return path.join(this.folder, 'token');
  }

  get plane(): ControlPlane {
    return {
      address: `https://localhost:${this.port}`,
      rootCertPath: this.rootCertPath,
      tokenPath: this.tokenPath,
      clusterId: 'Kubernetes',
    };
  }

  async start(): Promise<void> {
    const server = new Server();
    server.addService(
      {
        delta: {
          path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
          requestStream: true,
          responseStream: true,
          requestDeserialize: (bytes: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, bytes),
          requestSerialize: () => Buffer.alloc(0),
          responseSerialize: (message: DeltaDiscoveryResponse) =>
            Buffer.from(toBinary(DeltaDiscoveryResponseSchema, message)),
          responseDeserialize: () => undefined,
        },
        certify: {
          path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
          requestStream: false,
          responseStream: false,
          requestDeserialize: (bytes: Buffer) => fromBinary(IstioCertificateRequestSchema, bytes),
          requestSerialize: () => Buffer.alloc(0),
          responseSerialize: (message: IstioCertificateResponse) =>
            Buffer.from(toBinary(IstioCertificateResponseSchema, message)),
          responseDeserialize: () => undefined,
        },
      },
      {
        delta: (stream: Stream) => this.accept(stream),
        certify: (
          call: ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>,
          done: sendUnaryData<IstioCertificateResponse>,
        ) => {
          this.certificateRequests.push({ request: call.request, metadata: call.metadata });
          this.issue(call.request, call.metadata).then(
            (certChain) => done(null, create(IstioCertificateResponseSchema, { certChain })),
            (error: Error) => done({ code: 16, details: error.message }),
          );
        },
      },
    );
    const credentials = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(this.key), cert_chain: Buffer.from(this.certificate) },
    ]);
    this.port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    this.server = server;
  }

  stop(): void {
    this.server?.forceShutdown();
    this.server = undefined;
  }

  dispose(): void {
    this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Signs a CSR as istiod does: the identity is the one impersonated, the key that of the CSR. */
  async sign(request: IstioCertificateRequest): Promise<string[]> {
    const csr = new x509.Pkcs10CertificateRequest(request.csr);
    if (!(await csr.verify())) throw new Error('the CSR does not verify');
    const identity = request.metadata?.['ImpersonatedIdentity'];
    return [await this.authority.sign([String(identity)], csr.publicKey), this.authority.root];
  }

  private accept(stream: Stream): void {
    const requests: DeltaDiscoveryRequest[] = [];
    stream.on('data', (request: DeltaDiscoveryRequest) => requests.push(request));
    stream.on('error', () => {});
    this.sessions.push({
      metadata: stream.metadata,
      requests,
      stream,
      send: ({ typeUrl, nonce, resources = [], removed = [], bare = [] }) => {
        const message: MessageInitShape<typeof DeltaDiscoveryResponseSchema> = {
          typeUrl,
          nonce,
          removedResources: removed,
          resources: [
            ...resources.map(({ name, version, typeUrl: type, value }) => ({
              name,
              version,
              resource: { typeUrl: type, value },
            })),
            ...bare.map((name) => ({ name })),
          ],
        };
        stream.write(create(DeltaDiscoveryResponseSchema, message));
      },
    });
  }
}
