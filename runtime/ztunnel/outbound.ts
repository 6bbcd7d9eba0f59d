import { isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../errors';
import { formatAuthority, plainAddress } from '../hbone/address';
import { HboneError } from '../hbone/hbone-error';
import { abort } from '../hbone/splice';
import type { AddressPort } from '../redirect/socket-address';
import { chooseRoute, directHbone, type Route } from '../xds/choose-route';
import type { Workload } from '../xds/mesh-model';
import { addressedService } from './addressed-service';
import type { Parties } from './connection-report';
import { logEarlyFailure } from './early-failure';
import { connectHeaders } from './headers';
import { servedKey, type NodeContext, type PodProxy } from './pod-proxy';

/** Milliseconds for a plain connection. */
const CONNECT_TIMEOUT_MS = 10_000;

type Reachable = Exclude<Route, { kind: 'error' }>;

/** Whom the connection leads to, in the words of reports. */
function partiesOf(route: Route, local: Workload, peer: AddressPort, destination: AddressPort): Parties {
  const service = route.service && addressedService(route.service, destination.port);
  const source = { ...peer, workload: local };
  switch (route.kind) {
    case 'hbone':
      return {
        reporter: 'source',
        source: { ...source, identity: local.identity },
        destination: {
          address: route.address,
          port: route.port,
          workload: route.proxy,
          identity: route.proxy.identity,
        },
        authority: formatAuthority(route.authority.host, route.authority.port),
        service,
        waypoint: route.viaWaypoint ? { namespace: route.proxy.namespace, name: route.proxy.workloadName } : undefined,
      };
    case 'tcp': {
      const { address, port, workload } = route;
      return { reporter: 'source', source, destination: { address, port, workload }, service };
    }
    default:
      return { reporter: 'source', source, destination, service };
  }
}

async function openTunnel(
  pod: PodProxy,
  route: Extract<Route, { kind: 'hbone' }>,
  local: Workload,
  peer: AddressPort,
  signal: AbortSignal,
): Promise<Duplex> {
  const { stream } = await pod.pool.connect({
    source: local.identity,
    sourceIp: peer.address,
    address: route.address,
    port: route.port,
    allowed: route.allowedIdentities,
    authority: formatAuthority(route.authority.host, route.authority.port),
    headers: connectHeaders(local, formatAuthority(peer.address, peer.port), route.service?.hostname),
    signal,
  });
  return stream;
}

function openPlain(pod: PodProxy, destination: AddressPort, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = pod.dial(destination);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error('connection timed out')), CONNECT_TIMEOUT_MS);
    signal.addEventListener('abort', () => fail(new Error('connection aborted by the client')), { once: true });
    socket.on('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/**
 * Prefers HBONE to a pod that this ztunnel serves and whose capture is in place, although istiod has not said so yet or
 * no longer says so: in these moments of enrolment and unenrolment its policies are enforced already, and a plaintext
 * connection would be refused for its lack of an identity.
 */
function meetOnNode(node: NodeContext, route: Route): Route {
  if (route.kind !== 'tcp' || route.workload.node !== node.config.nodeName) return route;
  if (node.served.get(servedKey(route.workload))?.delivery.captured() !== true) return route;
  return directHbone(route.workload, route.address, route.port, route.service);
}

/**
 * The pod's own address where the client's socket shows a loopback one: capture by eBPF rewrites the destination to
 * loopback before the kernel chooses the source.
 */
function ownAddress(seen: string, local: Workload, like: string): string {
  if (!seen.startsWith('127.') && seen !== '::1') return seen;
  const six = isIPv6(like);
  return local.addresses.find((address) => isIPv6(address) === six) ?? seen;
}

/** Where the route really connects to. */
const nextHop = (route: Reachable, destination: AddressPort): AddressPort =>
  route.kind === 'passthrough' ? destination : { address: route.address, port: route.port };

function failureOf(error: unknown): { error: string; responseFlags: string; denied: boolean } {
  if (error instanceof HboneError) {
    return { error: error.message, responseFlags: error.responseFlags, denied: error.status === 401 };
  }
  return { error: `connection failed: ${reasonOf(error)}`, responseFlags: 'CONNECT', denied: false };
}

/**
 * Serves one connection that the pod's application opened: chooses the way, opens it, copies. Whatever goes wrong
 * before the first byte resets the application's connection.
 *
 * @see protocol reference 5.1
 */
export async function serveOutbound(pod: PodProxy, client: Socket, destination: AddressPort): Promise<void> {
  const { mesh, reporter } = pod.node;
  const seen = { address: plainAddress(client.remoteAddress), port: client.remotePort ?? 0 };
  const fail = (error: string): void => {
    abort(client);
    logEarlyFailure('outbound', { source: seen, destination }, error);
  };
  if (pod.isSelfCall(destination, client)) return fail('attempted to call the proxy itself');
  const local = pod.local.current ?? (await pod.local.wait());
  if (local === undefined) return fail('the workload is not known');

  const peer = { ...seen, address: ownAddress(seen.address, local, destination.address) };
  const route = meetOnNode(pod.node, chooseRoute({ source: local, sourceIp: peer.address, destination }, mesh));
  const report = reporter.begin(partiesOf(route, local, peer, destination));
  if (route.kind === 'error') {
    abort(client);
    return report.close({ error: route.reason });
  }

  const hop = nextHop(route, destination);
  const gone = new AbortController();
  const clientGone = (): void => gone.abort();
  client.once('close', clientGone);
  let server: Duplex;
  try {
    server =
      route.kind === 'hbone'
        ? await openTunnel(pod, route, local, peer, gone.signal)
        : await openPlain(pod, hop, gone.signal);
  } catch (error) {
    abort(client);
    if (route.kind === 'hbone' && error instanceof HboneError && error.failure === 'timeout')
      pod.node.silent.silent(route.proxy, route.address, route.port);
    return report.close(failureOf(error));
  }
  if (route.kind === 'hbone') pod.node.silent.answered(route.proxy);
  client.off('close', clientGone);
  report.established();
  const connection = {
    direction: 'outbound',
    src: formatAuthority(peer.address, peer.port),
    originalDst: formatAuthority(destination.address, destination.port),
    actualDst: formatAuthority(hop.address, hop.port),
    protocol: route.kind === 'hbone' ? 'HBONE' : 'TCP',
  } as const;
  await pod.connections.relay(client, server, connection, report);
}
