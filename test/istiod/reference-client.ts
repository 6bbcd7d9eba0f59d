// A delta ADS and certificate client written from sections 1.2, 1.4, 1.5 and 2.1 of the protocol reference alone.
import { once } from 'node:events';
import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { blobs, field, inner, message, number, read, struct, text, texts } from './wire';

export const ADDRESS = 'type.googleapis.com/istio.workload.Address';
export const AUTHORIZATION = 'type.googleapis.com/istio.security.Authorization';

export interface Response {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

export interface Resource {
  readonly name: string;
  readonly version: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly aliases: readonly string[];
}

export interface Request {
  typeUrl: string;
  node?: { id: string; metadata: Record<string, string> };
  subscribe?: string[];
  unsubscribe?: string[];
  initialVersions?: Record<string, string>;
  nonce?: string;
  error?: string;
}

function encode({
  typeUrl,
  node,
  subscribe = [],
  unsubscribe = [],
  initialVersions = {},
  nonce,
  error,
}: Request): Buffer {
  return message(
    ...(node ? [field(1, message(field(1, node.id), field(3, struct(node.metadata))))] : []),
    field(2, typeUrl),
    ...subscribe.map((name) => field(3, name)),
    ...unsubscribe.map((name) => field(4, name)),
    ...Object.entries(initialVersions).map(([name, version]) => field(5, message(field(1, name), field(2, version)))),
    ...(nonce ? [field(6, nonce)] : []),
    ...(error ? [field(7, message(field(2, error)))] : []),
  );
}

function decode(bytes: Buffer): Response {
  const fields = read(bytes);
  return {
    typeUrl: text(fields, 4),
    nonce: text(fields, 5),
    removed: texts(fields, 6),
    resources: blobs(fields, 2).map((resource) => {
      const parts = read(resource);
      const any = inner(parts, 2);
      return {
        name: text(parts, 3),
        version: text(parts, 1),
        contentType: text(any, 1),
        body: blobs(any, 2)[0] ?? Buffer.alloc(0),
        aliases: texts(parts, 4),
      };
    }),
  };
}

const raw = (bytes: Buffer): Buffer => bytes;

function open(port: number, roots: string): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(roots)), {
    'grpc.ssl_target_name_override': 'istiod.istio-system.svc',
    'grpc.default_authority': 'istiod.istio-system.svc',
    'grpc.use_local_subchannel_pool': 1,
  });
}

function headers(token: string | undefined, clusterId = 'Kubernetes'): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  if (clusterId !== '') metadata.set('clusterid', clusterId);
  return metadata;
}

/** One delta ADS stream; answers wait in the order in which they came. */
export class AdsClient {
  readonly received: Response[] = [];
  failure: ServiceError | undefined;
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  #read = 0;

  constructor(port: number, roots: string, token: string | undefined) {
    this.#client = open(port, roots);
    this.#stream = this.#client.makeBidiStreamRequest(
      '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      raw,
      raw,
      headers(token),
    );
    this.#stream.on('data', (bytes: Buffer) => {
      this.received.push(decode(bytes));
      this.#stream.emit('answer');
    });
    this.#stream.on('error', (error: ServiceError) => {
      this.failure = error;
      this.#stream.emit('answer');
    });
  }

  send(request: Request): void {
    this.#stream.write(encode(request));
  }

  acknowledge({ typeUrl, nonce }: Response, error?: string): void {
    this.send({ typeUrl, nonce, error });
  }

  /** The next answer that was not read yet; rejects when the stream fails. */
  async next(): Promise<Response> {
    for (;;) {
      const found = this.received[this.#read];
      if (found !== undefined) {
        this.#read += 1;
        return found;
      }
      if (this.failure) throw this.failure;
      await once(this.#stream, 'answer');
    }
  }

  /** Reads and acknowledges answers until one of a type fits. */
  async until(typeUrl: string, fits: (response: Response) => boolean = () => true): Promise<Response> {
    for (;;) {
      const response = await this.next();
      this.acknowledge(response);
      if (response.typeUrl === typeUrl && fits(response)) return response;
    }
  }

  close(): void {
    this.#stream.cancel();
    this.#client.close();
  }
}

export interface CertificateRequest {
  readonly csr: string;
  readonly validitySeconds?: number;
  readonly impersonate?: string;
  readonly clusterId?: string;
}

/** Calls CreateCertificate once; resolves with the chain, rejects with the gRPC error. */
export function createCertificate(
  port: number,
  roots: string,
  token: string | undefined,
  { csr, validitySeconds = 0, impersonate, clusterId }: CertificateRequest,
): Promise<string[]> {
  const client = open(port, roots);
  const request = message(
    field(1, csr),
    field(3, validitySeconds),
    ...(impersonate ? [field(4, struct({ ImpersonatedIdentity: impersonate }))] : []),
  );
  return new Promise<string[]>((resolve, reject) => {
    client.makeUnaryRequest(
      '/istio.v1.auth.IstioCertificateService/CreateCertificate',
      raw,
      raw,
      request,
      headers(token, clusterId),
      (error, answer) => (error ? reject(error) : resolve(texts(read(answer ?? Buffer.alloc(0)), 1))),
    );
  }).finally(() => client.close());
}

export interface SeenWorkload {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  readonly tunnelProtocol: number;
  readonly serviceAccount: string;
  readonly node: string;
  readonly status: number;
  readonly trustDomain: string;
  readonly authorizationPolicies: readonly string[];
  readonly services: readonly string[];
}

export interface SeenService {
  readonly hostname: string;
  readonly namespace: string;
  readonly addresses: readonly string[];
  /** `<namespace>/<hostname>:<port>` */
  readonly waypoint: string | undefined;
}

const ip = (bytes: Buffer): string => [...bytes].join('.');

/** Reads an `istio.workload.Address`. */
export function readAddress({ body }: Resource): { workload?: SeenWorkload; service?: SeenService } {
  const address = read(body);
  if (address.has(1)) {
    const fields = inner(address, 1);
    return {
      workload: {
        uid: text(fields, 20),
        name: text(fields, 1),
        namespace: text(fields, 2),
        addresses: blobs(fields, 3).map(ip),
        tunnelProtocol: number(fields, 5),
        trustDomain: text(fields, 6),
        serviceAccount: text(fields, 7),
        node: text(fields, 9),
        status: number(fields, 17),
        authorizationPolicies: texts(fields, 16),
        services: blobs(fields, 22).map((entry) => text(read(entry), 1)),
      },
    };
  }
  const fields = inner(address, 2);
  const waypoint = inner(fields, 7);
  const host = inner(waypoint, 1);
  return {
    service: {
      namespace: text(fields, 2),
      hostname: text(fields, 3),
      addresses: blobs(fields, 4).map((entry) => ip(blobs(read(entry), 2)[0] ?? Buffer.alloc(0))),
      waypoint: fields.has(7) ? `${text(host, 1)}/${text(host, 2)}:${number(waypoint, 3)}` : undefined,
    },
  };
}
