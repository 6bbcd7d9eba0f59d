import 'reflect-metadata';
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../../runtime/proto/gen/envoy/service/discovery/v3/discovery_pb';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '../../runtime/proto/gen/istio/ca/ca_pb';
import { AuthorizationSchema } from '../../runtime/proto/gen/istio/security/authorization_pb';
import { AddressSchema } from '../../runtime/proto/gen/istio/workload/workload_pb';
import { toWire } from '../../runtime/policy/wire';
import type { WorkloadCertificate } from '../../runtime/hbone/model';
import type { Authorization } from '../../runtime/policy/model';

x509.cryptoProvider.set(crypto);
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const ADDRESS = 'type.googleapis.com/istio.workload.Address';
const AUTHORIZATION = 'type.googleapis.com/istio.security.Authorization';

type Encoded = { readonly name: string; readonly version: string; readonly resource: Any };
type Stream = grpc.ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

const keyUsage = new x509.KeyUsagesExtension(
  x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
  true,
);
const usages = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]);

interface Authority {
  readonly root: x509.X509Certificate;
  issue(publicKey: x509.PublicKeyType, name: { type: 'url' | 'dns'; value: string }): Promise<string>;
}

async function makeAuthority(): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=test mesh',
    keys,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return {
    root,
    async issue(publicKey, name) {
      const leaf = await x509.X509CertificateGenerator.create({
        subject: '',
        issuer: root.subject,
        publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        ...validity,
        extensions: [keyUsage, usages, new x509.SubjectAlternativeNameExtension([name], true)],
      });
      return leaf.toString('pem');
    },
  };
}

/** A control plane of its own, written from the protocol reference: delta ADS (1.11) and the certificate service (2). */
export class ControlPlane {
  readonly #resources: Record<string, Map<string, Encoded>> = { [ADDRESS]: new Map(), [AUTHORIZATION]: new Map() };
  readonly #streams = new Map<Stream, Set<string>>();
  #sequence = 0;
  /** Reasons of NACKs, for the tests to see. */
  readonly nacks: string[] = [];

  private constructor(
    private readonly server: grpc.Server,
    private readonly authority: Authority,
    readonly port: number,
    readonly rootPem: string,
  ) {}

  static async start(host = '127.0.0.1'): Promise<ControlPlane> {
    const authority = await makeAuthority();
    const rootPem = authority.root.toString('pem');
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const certificate = await authority.issue(keys.publicKey, { type: 'dns', value: 'localhost' });
    const server = new grpc.Server();
    const certs = [{ private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }];
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync(`${host}:0`, grpc.ServerCredentials.createSsl(null, certs), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const plane = new ControlPlane(server, authority, port, rootPem);
    const response = {
      responseSerialize: (value: DeltaDiscoveryResponse) => Buffer.from(toBinary(DeltaDiscoveryResponseSchema, value)),
      requestDeserialize: (data: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, data),
    };
    server.addService(
      {
        deltaAggregatedResources: {
          path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
          requestStream: true,
          responseStream: true,
          requestSerialize: () => Buffer.alloc(0),
          responseDeserialize: () => undefined,
          ...response,
        },
      } as never,
      { deltaAggregatedResources: (stream: Stream) => plane.#follow(stream) },
    );
    server.addService(
      {
        createCertificate: {
          path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
          requestStream: false,
          responseStream: false,
          requestSerialize: () => Buffer.alloc(0),
          responseDeserialize: () => undefined,
          requestDeserialize: (data: Buffer) => fromBinary(IstioCertificateRequestSchema, data),
          responseSerialize: (chain: string[]) =>
            Buffer.from(
              toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain: chain })),
            ),
        },
      } as never,
      {
        createCertificate: (
          call: { request: { csr: string; metadata?: { ImpersonatedIdentity?: string } } },
          done: (error: Error | null, chain?: string[]) => void,
        ) => {
          const request = new x509.Pkcs10CertificateRequest(call.request.csr);
          const identity = String(call.request.metadata?.ImpersonatedIdentity ?? '');
          authority
            .issue(request.publicKey, { type: 'url', value: identity })
            .then((leaf) => done(null, [leaf, rootPem]), done);
        },
      },
    );
    return plane;
  }

  #follow(stream: Stream): void {
    const subscribed = new Set<string>();
    this.#streams.set(stream, subscribed);
    stream.on('data', (request: DeltaDiscoveryRequest) => {
      if (request.errorDetail !== undefined) this.nacks.push(request.errorDetail.message);
      if (subscribed.has(request.typeUrl)) return;
      subscribed.add(request.typeUrl);
      const resources = [...(this.#resources[request.typeUrl] ?? new Map<string, Encoded>()).values()];
      const known = new Set(resources.map(({ name }) => name));
      const removed = Object.keys(request.initialResourceVersions).filter((name) => !known.has(name));
      this.#send(stream, request.typeUrl, resources, removed);
    });
    const gone = (): void => {
      this.#streams.delete(stream);
      stream.end();
    };
    stream.on('end', gone);
    stream.on('error', gone);
    stream.on('cancelled', gone);
  }

  #send(stream: Stream, typeUrl: string, resources: readonly Encoded[], removed: readonly string[]): void {
    this.#sequence += 1;
    const nonce = `n${this.#sequence}`;
    stream.write(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl,
        nonce,
        resources: resources.map((resource) => ({ ...resource })),
        removedResources: [...removed],
      }),
    );
  }

  #push(typeUrl: string, resources: readonly Encoded[], removed: readonly string[] = []): void {
    const store = this.#resources[typeUrl]!;
    for (const resource of resources) store.set(resource.name, resource);
    for (const name of removed) store.delete(name);
    for (const [stream, subscribed] of this.#streams) {
      if (subscribed.has(typeUrl)) this.#send(stream, typeUrl, resources, removed);
    }
  }

  /** Stores and pushes workloads and services, named as istiod names them (reference 1.6). */
  addresses(...addresses: MessageInitShape<typeof AddressSchema>[]): void {
    this.#push(
      ADDRESS,
      addresses.map((init) => {
        const address = create(AddressSchema, init);
        const { type } = address;
        const name =
          type.case === 'workload' ? type.value.uid : `${type.value?.namespace ?? ''}/${type.value?.hostname ?? ''}`;
        this.#sequence += 1;
        return { name, version: String(this.#sequence), resource: anyPack(AddressSchema, address) };
      }),
    );
  }

  removeAddresses(...names: string[]): void {
    this.#push(ADDRESS, [], names);
  }

  policies(...policies: Authorization[]): void {
    this.#push(
      AUTHORIZATION,
      policies.map((policy) => ({
        name: `${policy.namespace}/${policy.name}`,
        version: '',
        resource: anyPack(AuthorizationSchema, toWire(policy)),
      })),
    );
  }

  removePolicies(...names: string[]): void {
    this.#push(AUTHORIZATION, [], names);
  }

  /** A certificate of any identity, as a peer of ztunnel's has it. */
  async certificate(identity: string): Promise<WorkloadCertificate> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const privateKey = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const certificateChain = await this.authority.issue(keys.publicKey, { type: 'url', value: identity });
    const { notBefore, notAfter, serialNumber } = new x509.X509Certificate(certificateChain);
    return {
      identity,
      privateKey,
      certificateChain,
      roots: this.rootPem,
      notBefore: notBefore.getTime(),
      notAfter: notAfter.getTime(),
      serialNumber,
    };
  }

  close(): void {
    this.server.forceShutdown();
  }
}
