import net from 'node:net';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { PACKET_MARK, PORT } from '../api/ports';
import { reasonOf } from '../errors';
import { plainAddress } from '../hbone/address';
import type { CertificateSource, WorkloadCertificate } from '../hbone/model';
import { HbonePool } from '../hbone/pool';
import { serveHbone, type HboneServer } from '../hbone/server';
import { decideConnection } from '../policy/decide';
import type { ConnectionFacts, Decision } from '../policy/model';
import { openDelivery, type Delivery } from '../redirect/delivery';
import type { AddressPort } from '../redirect/socket-address';
import { createStreamSocket, fdOf, listenTcp, originalDestination, preferSuccessor } from '../redirect/sockets';
import { log } from '../telemetry/log';
import type { MeshState } from '../xds/mesh-state';
import type { Workload } from '../xds/mesh-model';
import type { ZtunnelConfig } from './config';
import type { Reporter } from './connection-report';
import { Connections } from './connections';
import { DnsProxy } from './dns-server';
import { serveInbound } from './inbound';
import { servePlaintext } from './inbound-plaintext';
import type { IdentitiesInUse } from './identities-in-use';
import { LocalWorkload } from './local-workload';
import { meshResolver } from './mesh-names';
import { serveOutbound } from './outbound';
import type { ProxyMetrics } from './proxy-metrics';
import type { SilentPeers } from './silent-peers';
import type { RunningPod } from './workload-manager';
import type { PodIdentity } from './zds';

/** What all pods of this ztunnel share. */
export interface NodeContext {
  readonly config: ZtunnelConfig;
  readonly mesh: MeshState;
  readonly certificates: CertificateSource;
  readonly reporter: Reporter;
  readonly metrics: ProxyMetrics;
  readonly identities: IdentitiesInUse;
  readonly silent: SilentPeers;
  /** Pods that this ztunnel serves, by `servedKey`. */
  readonly served: Map<string, PodProxy>;
}

/** Names a pod among those of its node. */
export function servedKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

const logger = log('proxy');
const access = log('access');
/** Milliseconds that HTTP/2 connections have beyond the tunnels in them. */
const CARRIER_GRACE_MS = 200;
/** Milliseconds that a listener still takes what reached it before its successor: many round trips. */
const LINGER_MS = 200;
/** The longest that a timer can be: connections of a pod that left the mesh end by themselves. */
const FOREVER_MS = 2 ** 31 - 1;
/** Ports of the proxy itself; a connection to them through the proxy would go round for ever. */
const OWN_PORTS: ReadonlySet<number> = new Set([PORT.outbound, PORT.inboundPlaintext, PORT.hbone, PORT.dns]);

/** The proxy of one pod: its listeners in the pod's namespace, its HBONE pool and its connections. */
export class PodProxy implements RunningPod {
  readonly local: LocalWorkload;
  readonly delivery: Delivery;
  readonly pool: HbonePool;
  readonly connections = new Connections();
  readonly #capture: net.Server[] = [];
  /** Descriptors of the listeners, which own them. */
  readonly #listening: number[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #unsubscribe: () => void;
  #generation = 0;
  readonly #ending = new AbortController();
  #hbone: HboneServer | undefined;
  #dns: DnsProxy | undefined;
  #dnsClosed: Promise<void> | undefined;

  private constructor(
    readonly node: NodeContext,
    readonly identity: PodIdentity,
    private readonly netns: number,
  ) {
    this.local = new LocalWorkload(node.mesh, identity, node.config.nodeName);
    this.delivery = openDelivery(netns, identity.uid);
    this.pool = new HbonePool({
      certificates: node.certificates,
      createSocket: ({ address, port }) => this.dial({ address, port }),
    });
    this.#unsubscribe = node.mesh.onChange(() => this.#review());
  }

  /**
   * Opens the pod's listeners.
   *
   * @param netns descriptor of the pod's network namespace; stays the caller's and must outlive the proxy
   * @throws SystemCallError when a port is taken in the pod
   */
  static async start(node: NodeContext, identity: PodIdentity, netns: number): Promise<PodProxy> {
    const pod = new PodProxy(node, identity, netns);
    try {
      await pod.#listen();
    } catch (error) {
      await pod.drain(0);
      throw error;
    }
    node.served.set(servedKey(identity), pod);
    // The first connections then find the certificate there.
    void pod.local.wait().then((workload) => {
      if (workload !== undefined) node.identities.hold(pod, workload.identity);
    });
    return pod;
  }

  /** A connecting socket of the pod that its capture lets pass. */
  dial({ address, port }: AddressPort): net.Socket {
    const fd = createStreamSocket(this.netns, { family: net.isIPv6(address) ? 6 : 4, mark: PACKET_MARK });
    return new net.Socket({ fd, allowHalfOpen: true }).connect(port, address);
  }

  /** Changes with the mesh: a decision of an earlier generation may no longer hold. */
  get generation(): number {
    return this.#generation;
  }

  /** Judges a connection by the policies that apply to this pod. */
  decide(workload: Workload, facts: ConnectionFacts): Decision {
    return decideConnection(this.node.mesh.policiesFor(workload), facts);
  }

  /** Whether a captured connection leads back into the proxy. */
  isSelfCall(destination: AddressPort, socket: net.Socket): boolean {
    if (!OWN_PORTS.has(destination.port)) return false;
    return destination.address === plainAddress(socket.localAddress) || destination.address.startsWith('127.');
  }

  async leave(): Promise<void> {
    const handedOver = this.#stopCapture(LINGER_MS);
    // Peers that have not yet heard that the pod left still come to 15008.
    await delay(this.node.config.drainMs, undefined, { signal: this.#ending.signal }).catch(() => {});
    await handedOver;
    await this.#end(FOREVER_MS, 0);
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#ending.abort();
    await this.#end(deadlineMs, Math.min(LINGER_MS, deadlineMs / 2));
  }

  /** Lets connections end by themselves until the deadline, then breaks them and closes everything. */
  async #end(deadlineMs: number, lingerMs: number): Promise<void> {
    const handedOver = this.#stopCapture(lingerMs);
    const peersGone = this.#hbone?.drain(Math.min(deadlineMs + CARRIER_GRACE_MS, FOREVER_MS), lingerMs);
    await handedOver;
    // Connections first: they know why they end; what carries them follows.
    await this.connections.drain(deadlineMs - lingerMs);
    await Promise.all([peersGone, this.pool.drain(CARRIER_GRACE_MS), this.#dnsClosed]);
    for (const socket of this.#sockets) socket.destroy();
    this.#unsubscribe();
    this.node.identities.release(this);
    this.local.close();
    this.delivery.close();
  }

  dump(): Readonly<Record<string, unknown>> {
    const { name, namespace, serviceAccount } = this.identity;
    const trustDomain = this.local.current?.trustDomain ?? this.node.config.trustDomain;
    return {
      state: 'Up',
      connections: this.connections.dump(),
      info: { name, namespace, trustDomain, serviceAccount },
    };
  }

  async #listen(): Promise<void> {
    this.#listenTcp(PORT.outbound, (socket, destination) => serveOutbound(this, socket, destination));
    this.#listenTcp(PORT.inboundPlaintext, (socket, destination) => servePlaintext(this, socket, destination));
    this.#hbone = await serveHbone({
      listen: { fd: this.#openListener(PORT.hbone) },
      certificate: () => this.#certificate(),
      onRequest: (request) => void this.connections.serve(serveInbound(this, request)),
      onRejected: (reason, { address, port }) => {
        access.warn('connection failed', { 'src.addr': `${address}:${port}`, direction: 'inbound', error: reason });
      },
    });
    if (this.node.config.dnsCapture) {
      const { metrics, mesh, config } = this.node;
      this.#dns = new DnsProxy(this.netns, meshResolver(mesh, { ...config, namespace: this.identity.namespace }), {
        request: () => metrics.dnsRequests.inc(),
        forwarded: metrics.dnsForwarded,
      });
    }
  }

  /** A listener of captured connections; each comes with where it was going. */
  #listenTcp(port: number, serve: (socket: net.Socket, destination: AddressPort) => Promise<void>): void {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      // Whoever relays the connection listens too; until then a reset must not be an unhandled error.
      socket.on('error', () => {});
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      let destination: AddressPort;
      try {
        destination = originalDestination(fdOf(socket)) ?? {
          address: plainAddress(socket.localAddress),
          port: socket.localPort ?? 0,
        };
      } catch {
        return void socket.destroy();
      }
      this.connections.serve(serve(socket, destination)).catch((error: unknown) => {
        logger.error('a connection failed inside ztunnel', { pod: this.identity.name, error: reasonOf(error) });
        socket.destroy();
      });
    });
    server.on('error', (error) => logger.warn('listener', { pod: this.identity.name, port, error: error.message }));
    server.listen({ fd: this.#openListener(port) });
    this.#capture.push(server);
  }

  #openListener(port: number): number {
    const fd = listenTcp(this.netns, '0.0.0.0', port, { reusePort: true });
    this.#listening.push(fd);
    return fd;
  }

  #certificate(): WorkloadCertificate | Promise<WorkloadCertificate> {
    const { certificates } = this.node;
    const { current } = this.local;
    if (current !== undefined) return certificates.current(current.identity) ?? certificates.fetch(current.identity);
    return this.local.wait().then((workload) => {
      if (workload === undefined) throw new Error('the workload is not known');
      return certificates.fetch(workload.identity);
    });
  }

  /**
   * Leaves new connections to the next ztunnel, where there is one, takes those that have come already, and stops
   * listening for captured ones. May be called again.
   */
  async #stopCapture(lingerMs: number): Promise<void> {
    const key = servedKey(this.identity);
    if (this.node.served.get(key) === this) this.node.served.delete(key);
    for (const fd of this.#listening.splice(0)) preferSuccessor(fd);
    const dns = this.#dns;
    this.#dns = undefined;
    dns?.leaveToSuccessor();
    await delay(lingerMs);
    // Once round the loop of events, so that a process that was late itself accepts before it closes.
    await immediate();
    for (const server of this.#capture.splice(0)) server.close();
    if (dns !== undefined) this.#dnsClosed = dns.close();
  }

  /** Closes connections that a change of policies or of this workload no longer admits. */
  #review(): void {
    this.#generation += 1;
    if (this.connections.size === 0) return;
    const workload = this.local.current;
    if (workload === undefined) return;
    this.connections.review((facts) => this.decide(workload, facts).verdict === 'deny');
  }
}
