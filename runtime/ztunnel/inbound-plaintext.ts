import type { Socket } from 'node:net';
import { reasonOf } from '../errors';
import { formatAuthority, plainAddress } from '../hbone/address';
import { abort } from '../hbone/splice';
import type { AddressPort } from '../redirect/socket-address';
import { arrivedService } from './addressed-service';
import { deliver } from './deliver';
import { logEarlyFailure } from './early-failure';
import type { PodProxy } from './pod-proxy';

/**
 * Serves a connection that came to the pod without mTLS: judged with no identity, then passed to the application.
 *
 * @see protocol reference 5.3
 */
export async function servePlaintext(pod: PodProxy, client: Socket, destination: AddressPort): Promise<void> {
  const { mesh, reporter, metrics } = pod.node;
  const peer = { address: plainAddress(client.remoteAddress), port: client.remotePort ?? 0 };
  const fail = (error: string): void => {
    abort(client);
    logEarlyFailure('inbound', { source: peer, destination }, error);
  };
  if (pod.isSelfCall(destination, client)) return fail('attempted to call the proxy itself');
  const local = pod.local.current ?? (await pod.local.wait());
  if (local === undefined) return fail('the workload is not known');

  const report = reporter.begin({
    reporter: 'destination',
    source: { ...peer, workload: mesh.workloadByAddress(local.network, peer.address) },
    destination: { ...destination, workload: local },
    service: arrivedService(mesh, local, destination.port, undefined),
  });
  const facts = {
    identity: undefined,
    sourceIp: peer.address,
    destinationIp: destination.address,
    destinationPort: destination.port,
  };
  const { generation } = pod;
  const decision = pod.decide(local, facts);
  metrics.decided(decision, local);
  if (decision.verdict === 'deny') {
    abort(client);
    return report.deny(decision);
  }
  report.decided(decision);

  let application;
  try {
    application = await deliver(pod.delivery, destination, peer.address);
  } catch (error) {
    abort(client);
    return report.close({ error: `connection failed: ${reasonOf(error)}`, responseFlags: 'CONNECT' });
  }
  if (pod.generation !== generation) {
    const again = pod.decide(local, facts);
    if (again.verdict === 'deny') {
      abort(application);
      abort(client);
      return report.deny(again);
    }
  }
  report.established();
  const there = formatAuthority(destination.address, destination.port);
  const connection = {
    direction: 'inbound',
    src: formatAuthority(peer.address, peer.port),
    originalDst: there,
    actualDst: there,
    protocol: 'TCP',
    facts,
  } as const;
  await pod.connections.relay(client, application, connection, report);
}
