import { create, fromBinary, toBinary, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { reasonOf } from '../errors';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../proto/gen/envoy/service/discovery/v3/discovery_pb';
import type { Log } from '../telemetry/log';
import { pause } from '../pause';
import { authorization, onConnectTimeout, openChannel, rootCertificate, type ControlPlane } from './connection';

export interface XdsResource {
  readonly name: string;
  readonly version: string;
  /** Type URL of `value`. */
  readonly typeUrl: string;
  /** The encoded message. */
  readonly value: Uint8Array;
}

/** A resource that was not taken, and why; the others of its response are. */
export interface Rejection {
  readonly name: string;
  readonly reason: string;
}

export interface XdsType {
  readonly typeUrl: string;
  /** Takes one response: what is new or changed, and what is gone. Returns what it rejects. */
  readonly onResources: (resources: readonly XdsResource[], removed: readonly string[]) => readonly Rejection[];
}

export interface DeltaClientOptions extends ControlPlane {
  readonly node: { readonly id: string; readonly metadata: JsonObject };
  /** In the order in which they are asked for. */
  readonly types: readonly XdsType[];
  readonly log: Log;
  /** For `istio_xds_message_total` and `_bytes_total`. */
  readonly onMessage?: (typeUrl: string, bytes: number) => void;
  /** For `istio_xds_connection_terminations_total`. */
  readonly onTermination?: (reason: 'ConnectionError' | 'Error' | 'Reconnect' | 'Complete') => void;
}

const method = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** Milliseconds. */
const backoff = { first: 10, longest: 15_000 } as const;
/**
 * While the mesh starts, istiod comes up any moment: for so long after the client's own start (milliseconds) the waits
 * stay short. Upstream doubles from the beginning.
 */
const startup = { lasts: 10_000, longest: 160 } as const;

type Stream = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/**
 * Subscribes to every resource of some types over delta ADS and keeps the subscription for as long as it lives, as
 * ztunnel does (protocol reference 1.7).
 */
export class DeltaClient implements AsyncDisposable {
  /** Per type: versions of the resources held, for the next stream. Rejected ones are not in it. */
  private readonly versions: ReadonlyMap<string, Map<string, string>>;
  private readonly acknowledged = new Set<string>();
  private readonly stop = new AbortController();
  private readonly running: Promise<void>;
  private settleReady: () => void = () => {};

  /** Resolves when every type's first response has been accepted without a rejection. */
  readonly ready: Promise<void>;

  /** Starts at once. */
  constructor(private readonly options: DeltaClientOptions) {
    this.versions = new Map(options.types.map(({ typeUrl }) => [typeUrl, new Map<string, string>()]));
    this.ready = new Promise((resolve) => (this.settleReady = resolve));
    this.running = this.run();
  }

  get isReady(): boolean {
    return this.acknowledged.size === this.options.types.length;
  }

  /** Ends the stream and does not come back. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async run(): Promise<void> {
    const { log, onTermination } = this.options;
    const { signal } = this.stop;
    const startedAt = performance.now();
    let delay: number = backoff.first;
    while (!signal.aborted) {
      await rootCertificate(this.options.rootCertPath, signal, () =>
        log.info(`waiting for root certificate ${this.options.rootCertPath}`),
      );
      if (signal.aborted) return;
      try {
        const answered = await this.stream();
        if (signal.aborted) return;
        delay = backoff.first;
        onTermination?.(answered ? 'Reconnect' : 'Complete');
        log.info('XDS client complete, reconnecting');
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StreamError && error.answered) delay = backoff.first;
        onTermination?.(error instanceof StreamError && error.answered ? 'Error' : 'ConnectionError');
        log.warn(`XDS client connection error: ${reasonOf(error)}, retrying in ${delay}ms`);
      }
      await pause(delay, signal);
      const starting = performance.now() - startedAt < startup.lasts;
      delay = Math.min(delay * 2, starting ? startup.longest : backoff.longest);
    }
  }

  /** Runs one stream until it ends. @returns whether anything was received */
  private async stream(): Promise<boolean> {
    const { signal } = this.stop;
    const client = await openChannel(this.options);
    try {
      const metadata = await authorization(this.options);
      const stream: Stream = client.makeBidiStreamRequest(
        method,
        (request: DeltaDiscoveryRequest) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)),
        (bytes: Buffer) => {
          const response = fromBinary(DeltaDiscoveryResponseSchema, bytes);
          this.options.onMessage?.(response.typeUrl, bytes.length);
          return response;
        },
        metadata,
      );
      const cancel = (): void => stream.cancel();
      const connected = onConnectTimeout(client, cancel);
      signal.addEventListener('abort', cancel);
      try {
        if (signal.aborted) cancel();
        return await this.converse(stream);
      } finally {
        connected();
        signal.removeEventListener('abort', cancel);
      }
    } finally {
      client.close();
    }
  }

  private converse(stream: Stream): Promise<boolean> {
    const { id, metadata } = this.options.node;
    for (const { typeUrl } of this.options.types) {
      send(stream, {
        node: { id, metadata },
        typeUrl,
        initialResourceVersions: Object.fromEntries(this.versions.get(typeUrl) ?? []),
      });
    }
    return new Promise((resolve, reject) => {
      let answered = false;
      stream.on('data', (response: DeltaDiscoveryResponse) => {
        answered = true;
        this.take(stream, response);
      });
      stream.once('error', (error) => reject(new StreamError(error, answered)));
      stream.once('end', () => resolve(answered));
    });
  }

  private take(stream: Stream, response: DeltaDiscoveryResponse): void {
    const { typeUrl, nonce } = response;
    const type = this.options.types.find((one) => one.typeUrl === typeUrl);
    const versions = this.versions.get(typeUrl);
    if (type === undefined || versions === undefined) {
      send(stream, { typeUrl, responseNonce: nonce, errorDetail: { message: `unknown type: ${typeUrl}` } });
      return;
    }
    const rejections = this.apply(type, response, versions);
    if (rejections.length > 0) {
      const message = rejections.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
      this.options.log.error(`rejected ${typeUrl}`, { error: message });
      send(stream, { typeUrl, responseNonce: nonce, errorDetail: { message } });
      return;
    }
    send(stream, { typeUrl, responseNonce: nonce });
    if (this.acknowledged.has(typeUrl)) return;
    this.acknowledged.add(typeUrl);
    if (this.isReady) this.settleReady();
  }

  private apply(type: XdsType, response: DeltaDiscoveryResponse, versions: Map<string, string>): readonly Rejection[] {
    const missing: Rejection[] = [];
    const resources: XdsResource[] = [];
    for (const { name, version, resource } of response.resources) {
      if (resource === undefined) missing.push({ name, reason: 'resource is missing' });
      else resources.push({ name, version, typeUrl: resource.typeUrl, value: resource.value });
    }
    const rejected = [...missing, ...type.onResources(resources, response.removedResources)];
    for (const name of response.removedResources) versions.delete(name);
    for (const { name, version } of resources) versions.set(name, version);
    for (const { name } of rejected) versions.delete(name);
    return rejected;
  }
}

class StreamError extends Error {
  constructor(
    cause: Error,
    readonly answered: boolean,
  ) {
    super(cause.message, { cause });
  }
}

function send(stream: Stream, request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
  stream.write(create(DeltaDiscoveryRequestSchema, request));
}
