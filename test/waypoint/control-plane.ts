import { create, fromBinary, fromJson, toBinary, type JsonObject } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials, status, type ServerDuplexStream } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../../runtime/proto/gen/envoy/service/discovery/v3/discovery_pb';
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '../../runtime/proto/gen/istio/ca/ca_pb';
import { AddressSchema, type Service, type Workload } from '../../runtime/proto/gen/istio/workload/workload_pb';
import type { Authority } from '../hbone/authority';

const ADDRESS = 'type.googleapis.com/istio.workload.Address';
const KINDS = {
  AuthorizationPolicy: 'security.istio.io/v1/AuthorizationPolicy',
  HTTPRoute: 'gateway.networking.k8s.io/v1/HTTPRoute',
} as const;

type Stream = ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/** A control plane made for tests from the protocol reference: delta ADS and certificates over TLS, nothing of istiod. */
export class ControlPlane {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'waypoint-'));
  readonly nodes: { id: string; metadata: JsonObject }[] = [];
  readonly nacks: string[] = [];
  readonly #resources = new Map<string, Map<string, Uint8Array>>();
  readonly #streams = new Map<Stream, Set<string>>();
  readonly #server = new Server();
  #nonce = 0;
  port = 0;

  private constructor(
    private readonly authority: Authority,
    private readonly identity: string,
  ) {}

  /** @param identity the SPIFFE id that any certificate request is answered with */
  static async start(authority: Authority, identity: string): Promise<ControlPlane> {
    const plane = new ControlPlane(authority, identity);
    const serving = await authority.issue('dns:localhost');
    const [, , , namespace, , account] = identity.replace('spiffe:/', '').split('/');
    const claims = { sub: `system:serviceaccount:${namespace ?? ''}:${account ?? ''}` };
    const token = ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'x'].join('.');
    writeFileSync(path.join(plane.folder, 'root.pem'), authority.root);
    writeFileSync(path.join(plane.folder, 'token'), token);
    plane.#serve(token);
    plane.port = await new Promise((resolve, reject) =>
      plane.#server.bindAsync(
        'localhost:0',
        ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(serving.privateKey), cert_chain: Buffer.from(serving.certificateChain) },
        ]),
        (error, port) => (error ? reject(error) : resolve(port)),
      ),
    );
    return plane;
  }

  get environment(): Record<string, string> {
    return {
      XDS_ADDRESS: `https://localhost:${this.port}`,
      XDS_ROOT_CA: path.join(this.folder, 'root.pem'),
      AUTH_TOKEN: path.join(this.folder, 'token'),
    };
  }

  service(service: Service): void {
    const value = toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value: service } }));
    this.#set(ADDRESS, `${service.namespace}/${service.hostname}`, value);
  }

  workload(workload: Workload): void {
    const value = toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value: workload } }));
    this.#set(ADDRESS, workload.uid, value);
  }

  /** An object as it was written, or undefined to take it away. */
  object(kind: keyof typeof KINDS, name: string, object: object | undefined): void {
    const value = object && toBinary(StructSchema, fromJson(StructSchema, object as JsonObject));
    this.#set(KINDS[kind], name, value);
  }

  close(): void {
    this.#server.forceShutdown();
    rmSync(this.folder, { recursive: true });
  }

  #set(type: string, name: string, value: Uint8Array | undefined): void {
    const resources = this.#resources.get(type) ?? new Map<string, Uint8Array>();
    this.#resources.set(type, resources);
    if (value === undefined) resources.delete(name);
    else resources.set(name, value);
    for (const [stream, types] of this.#streams) {
      if (types.has(type)) this.#send(stream, type, value ? [[name, value]] : [], value ? [] : [name]);
    }
  }

  #send(stream: Stream, type: string, resources: Iterable<[string, Uint8Array]>, removedResources: string[]): void {
    stream.write(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl: type,
        nonce: String((this.#nonce += 1)),
        removedResources,
        resources: [...resources].map(([name, value]) => ({
          name,
          version: String(this.#nonce),
          resource: { typeUrl: type === ADDRESS ? ADDRESS : 'type.googleapis.com/google.protobuf.Struct', value },
        })),
      }),
    );
  }

  #serve(token: string): void {
    const bytes = { requestSerialize: (value: Buffer) => value, responseDeserialize: (value: Buffer) => value };
    this.#server.addService(
      {
        discovery: {
          path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
          requestStream: true,
          responseStream: true,
          ...bytes,
          requestDeserialize: (value: Buffer) => fromBinary(DeltaDiscoveryRequestSchema, value),
          responseSerialize: (value: DeltaDiscoveryResponse) =>
            Buffer.from(toBinary(DeltaDiscoveryResponseSchema, value)),
        },
        certificates: {
          path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
          requestStream: false,
          responseStream: false,
          ...bytes,
          requestDeserialize: (value: Buffer) => fromBinary(IstioCertificateRequestSchema, value),
          responseSerialize: (certChain: string[]) =>
            Buffer.from(
              toBinary(IstioCertificateResponseSchema, create(IstioCertificateResponseSchema, { certChain })),
            ),
        },
      } as never,
      {
        discovery: (stream: Stream) => {
          if (String(stream.metadata.get('authorization')[0]) !== `Bearer ${token}`) {
            return void stream.destroy(new Error('unauthenticated'));
          }
          const types = new Set<string>();
          this.#streams.set(stream, types);
          const gone = (): void => void this.#streams.delete(stream);
          stream.once('end', gone).once('cancelled', gone).on('error', gone);
          stream.on('data', ({ node, typeUrl, responseNonce, errorDetail }: DeltaDiscoveryRequest) => {
            if (node !== undefined) this.nodes.push({ id: node.id, metadata: node.metadata ?? {} });
            if (errorDetail !== undefined) this.nacks.push(errorDetail.message);
            if (responseNonce !== '') return;
            types.add(typeUrl);
            this.#send(stream, typeUrl, this.#resources.get(typeUrl) ?? [], []);
          });
        },
        certificates: (
          call: { request: { csr: string; metadata?: JsonObject } },
          answer: (error: object | null, chain?: string[]) => void,
        ) => {
          if (call.request.metadata?.['ImpersonatedIdentity'] !== undefined) {
            return answer({ code: status.UNAUTHENTICATED, message: 'request impersonation authentication failure' });
          }
          const request = new x509.Pkcs10CertificateRequest(call.request.csr);
          void this.authority
            .sign([this.identity], request.publicKey)
            .then((leaf) => answer(null, [leaf, this.authority.root]));
        },
      } as never,
    );
  }
}
