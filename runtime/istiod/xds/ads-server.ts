import { status } from '@grpc/grpc-js';
import type { DeltaDiscoveryRequest } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb';
import { log } from '../../telemetry/log';
import { Refusal, type Authenticator } from '../auth/authenticator';
import { connectedProxies } from '../metrics';
import { DeltaStream, type DeltaCall, type TypeChanges } from './delta-stream';
import type { MeshResources } from './mesh-resources';

const logger = log('ads');

/** The streams of all connected proxies. */
export class AdsServer {
  readonly #streams = new Set<DeltaStream>();

  constructor(
    private readonly authenticator: Authenticator,
    private readonly resources: MeshResources,
    /** Called before a request is answered, so that the answer knows every change that has arrived. */
    private readonly catchUp: () => void,
  ) {}

  /** Serves one call of DeltaAggregatedResources until either side ends it. */
  async serve(call: DeltaCall): Promise<void> {
    let stream: DeltaStream | undefined;
    // Without a listener, a broken connection would end the process.
    call.on('error', () => {});
    try {
      const caller = await this.authenticator.authenticate(call.metadata);
      stream = new DeltaStream(call, caller, this.resources, (node) => {
        connectedProxies.inc({ type: node.type });
        logger.info('connected', { proxy: node.pod, type: node.type, peer: call.getPeer() });
      });
      this.#streams.add(stream);
      // Leaving the loop must not destroy the call: its status is still to be sent.
      for await (const request of call.iterator({ destroyOnReturn: false }) as AsyncIterable<DeltaDiscoveryRequest>) {
        this.catchUp();
        stream.receive(request);
      }
      call.end();
    } catch (error) {
      if (error instanceof Refusal) {
        logger.warn('refused', { peer: call.getPeer(), reason: error.details });
        call.emit('error', { code: error.code, details: error.details });
      } else if (!call.cancelled && !stream?.closed) {
        logger.error('stream failed', { proxy: stream?.name, error: String(error) });
        call.emit('error', { code: status.INTERNAL, details: 'internal error' });
      }
    } finally {
      if (stream !== undefined) this.#streams.delete(stream);
      if (stream?.node !== undefined) {
        connectedProxies.dec({ type: stream.node.type });
        logger.info('disconnected', { proxy: stream.name });
      }
    }
  }

  push(changes: TypeChanges): void {
    if (changes.size === 0) return;
    for (const stream of this.#streams) stream.push(changes);
  }

  /** Ends all streams. */
  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  /** Connected proxies and how many resources of each type they have; for `/debug/syncz`. */
  summary(): { proxy: string; type: string; resources: Record<string, number> }[] {
    return [...this.#streams].map((stream) => ({
      proxy: stream.name,
      type: stream.node?.type ?? '',
      resources: stream.summary(),
    }));
  }
}
