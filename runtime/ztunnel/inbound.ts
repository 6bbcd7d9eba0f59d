import { isIP } from 'node:net';
import { PORT } from '../api/ports';
import { reasonOf } from '../errors';
import { formatAuthority } from '../hbone/address';
import type { HboneRequest } from '../hbone/model';
import { abort } from '../hbone/splice';
import type { MeshState } from '../xds/mesh-state';
import { serviceKey, type GatewayAddress, type Workload } from '../xds/mesh-model';
import { arrivedService, targetPortOf } from './addressed-service';
import { deliver } from './deliver';
import { logEarlyFailure } from './early-failure';
import { baggageOf, forwardedHost } from './headers';
import type { PodProxy } from './pod-proxy';

/** 15080 is upstream's SOCKS5 port. */
const SELF_CALL: ReadonlySet<number> = new Set([PORT.outbound, PORT.inboundPlaintext, PORT.hbone, 15080]);

function isGateway(mesh: MeshState, local: Workload, gateway: GatewayAddress | undefined): boolean {
  if (gateway === undefined) return false;
  const { destination } = gateway;
  if (destination.kind === 'address') return local.addresses.includes(destination.address);
  const service = mesh.serviceByKey(serviceKey(destination));
  return service !== undefined && local.services.has(serviceKey(service));
}

/** Whether the local workload is the waypoint of what the authority names (a sandwiched waypoint). */
function isWaypointOf(mesh: MeshState, local: Workload, address: string): boolean {
  const [service] = mesh.servicesByAddress(local.network, address, local.namespace);
  const owner = service ?? mesh.workloadByAddress(local.network, address);
  return isGateway(mesh, local, owner?.waypoint);
}

/**
 * The port of the pod that a CONNECT is for.
 *
 * @returns the port, or the status that the request is refused with
 * @see protocol reference 3.5
 */
function targetOf(pod: PodProxy, local: Workload, request: HboneRequest): { port: number } | { status: 400 | 503 } {
  const { mesh } = pod.node;
  const { host, port } = request.authority;
  if (isIP(host) === 0) {
    const target = targetPortOf(mesh, local, host, port);
    return target === undefined || SELF_CALL.has(target) ? { status: 503 } : { port: target };
  }
  const expected = host === request.localAddress.address;
  if (!expected && local.applicationTunnel === undefined && !isWaypointOf(mesh, local, host)) return { status: 400 };
  const target = local.applicationTunnel?.port ?? port;
  return SELF_CALL.has(target) ? { status: 503 } : { port: target };
}

function rejectEarly(request: HboneRequest, status: number, error: string): void {
  request.refuse(status);
  const authority = formatAuthority(request.authority.host, request.authority.port);
  const { peerAddress: source, peerIdentity: identity, localAddress: destination } = request;
  logEarlyFailure('inbound', { source, destination, identity, authority }, error);
}

/**
 * Serves one CONNECT that arrived at the pod: checks what it is for, judges it, connects to the application.
 *
 * @see protocol reference 3.5 and 5.3
 */
export async function serveInbound(pod: PodProxy, request: HboneRequest): Promise<void> {
  const { mesh, reporter, metrics } = pod.node;
  const local = pod.local.current ?? (await pod.local.wait());
  if (local === undefined) return rejectEarly(request, 503, 'the workload is not known');
  const target = targetOf(pod, local, request);
  if ('status' in target) {
    const words = target.status === 400 ? 'the authority is not this pod' : 'no such service or port';
    return rejectEarly(request, target.status, `http status: ${target.status}, ${words}`);
  }

  const { peerAddress, peerIdentity, localAddress } = request;
  const authority = formatAuthority(request.authority.host, request.authority.port);
  const application = { address: localAddress.address, port: target.port };
  const report = reporter.begin({
    reporter: 'destination',
    source: {
      ...peerAddress,
      workload: mesh.workloadByAddress(local.network, peerAddress.address),
      identity: peerIdentity,
    },
    destination: { ...localAddress, workload: local, identity: local.identity },
    authority,
    service: arrivedService(mesh, local, target.port, forwardedHost(request.headers['forwarded'])),
  });
  const facts = {
    identity: peerIdentity,
    sourceIp: peerAddress.address,
    destinationIp: application.address,
    destinationPort: application.port,
  };
  const { generation } = pod;
  const decision = pod.decide(local, facts);
  metrics.decided(decision, local);
  if (decision.verdict === 'deny') {
    request.refuse(401);
    return report.deny(decision);
  }
  report.decided(decision);

  let socket;
  try {
    socket = await deliver(pod.delivery, application, peerAddress.address);
  } catch (error) {
    request.refuse(503);
    return report.close({ error: `connection failed: ${reasonOf(error)}`, responseFlags: 'CONNECT' });
  }
  if (pod.generation !== generation) {
    const again = pod.decide(local, facts);
    if (again.verdict === 'deny') {
      abort(socket);
      request.refuse(401);
      return report.deny(again);
    }
  }
  const tunnel = request.accept({ baggage: baggageOf(local) });
  report.established();
  const connection = {
    direction: 'inbound',
    src: formatAuthority(peerAddress.address, peerAddress.port),
    originalDst: formatAuthority(localAddress.address, localAddress.port),
    actualDst: formatAuthority(application.address, application.port),
    protocol: 'HBONE',
    facts,
  } as const;
  await pod.connections.relay(tunnel, socket, connection, report);
}
