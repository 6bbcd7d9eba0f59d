import type { Socket } from 'node:net';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AddressSchema, TunnelProtocol } from '../../runtime/proto/gen/istio/workload/workload_pb';
import type { Authorization, Match } from '../../runtime/policy/model';
import type { TestPod } from './pods';

type Address = MessageInitShape<typeof AddressSchema>;
type Workload = Extract<NonNullable<Address['type']>, { case: 'workload' }>['value'];
type Service = Extract<NonNullable<Address['type']>, { case: 'service' }>['value'];

const bytes = (ip: string): Uint8Array<ArrayBuffer> => Uint8Array.from(ip.split('.').map(Number));
const HBONE = 1 as TunnelProtocol;

/** A pod's Address resource as istiod sends it. */
export function workloadOf(pod: TestPod, more: Partial<Workload> = {}): Address {
  const value = {
    uid: `Kubernetes//Pod/${pod.namespace}/${pod.name}`,
    name: pod.name,
    namespace: pod.namespace,
    addresses: [bytes(pod.address)],
    serviceAccount: pod.serviceAccount,
    node: 'node-1',
    canonicalName: pod.name,
    canonicalRevision: 'latest',
    workloadName: pod.name,
    clusterId: 'Kubernetes',
    tunnelProtocol: HBONE,
    ...more,
  } as Workload;
  return { type: { case: 'workload', value } };
}

/** A service's Address resource; without `vip` it is headless. */
export function serviceOf(
  name: string,
  vip: string | undefined,
  ports: Record<number, number>,
  more: Partial<Service> = {},
): Address {
  const value = {
    name,
    namespace: 'default',
    hostname: `${name}.default.svc.cluster.local`,
    addresses: vip === undefined ? [] : [{ address: bytes(vip), length: 32 }],
    ports: Object.entries(ports).map(([servicePort, targetPort]) => ({ servicePort: Number(servicePort), targetPort })),
    canonical: true,
    ...more,
  } as Service;
  return { type: { case: 'service', value } };
}

/** The `services` field of a workload that serves these. */
export function serving(...services: [name: string, ports: Record<number, number>][]): Workload['services'] {
  return Object.fromEntries(
    services.map(([name, ports]) => [
      `default/${name}.default.svc.cluster.local`,
      {
        ports: Object.entries(ports).map(([servicePort, targetPort]) => ({
          servicePort: Number(servicePort),
          targetPort,
        })),
      },
    ]),
  );
}

/** An application that answers everything it gets with a greeting, its name and its peer's address. */
export function greeter(name: string): (socket: Socket) => void {
  return (socket) => {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('end', () => socket.end(`${name} heard ${text} from ${socket.remoteAddress}`));
  };
}

/** An L4 policy with one clause of matches a rule. */
export function policyOf(
  name: string,
  action: Authorization['action'],
  rules: Match[][],
  more: Partial<Authorization> = {},
): Authorization {
  return {
    name,
    namespace: 'default',
    scope: 'NAMESPACE',
    action,
    rules: rules.map((matches) => ({ clauses: [{ matches }] })),
    dryRun: false,
    ...more,
  };
}
