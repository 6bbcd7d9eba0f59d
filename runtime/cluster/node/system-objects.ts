import { KIND, type Kind } from '../../api/kinds';
import type { EndpointSlice, KubeObject, Node, Service } from '../../api/resources';
import { sameJson } from '../../api/json';
import { timestamp } from '../store/deletion';
import type { Store } from '../store/store';
import { API_PORT, API_SERVICE_ADDRESS, DNS_SERVICE_ADDRESS, NODE_ADDRESS } from './addresses';

const VERSION = 'v1.34.0';

/** Makes the objects that a cluster has of its machines: its node, and the services of its API and DNS. */
export async function ensureSystemObjects(store: Store, nodeName: string): Promise<void> {
  await Promise.all([
    ensureNode(store, nodeName),
    ensureService(store, 'default', 'kubernetes', API_SERVICE_ADDRESS, [
      { name: 'https', protocol: 'TCP', port: 443, target: API_PORT },
    ]),
    ensureService(store, 'kube-system', 'kube-dns', DNS_SERVICE_ADDRESS, [
      { name: 'dns', protocol: 'UDP', port: 53, target: 53 },
      { name: 'dns-tcp', protocol: 'TCP', port: 53, target: 53 },
    ]),
  ]);
}

async function ensure<T extends KubeObject>(store: Store, kind: Kind, wanted: T): Promise<void> {
  const { namespace, name } = wanted.metadata;
  const present = store.latest<T>(kind, namespace, name);
  if (present === undefined) await store.create(kind, wanted);
  else {
    await store.modify<T>(kind, namespace, name, (draft) => {
      const { metadata, ...rest } = wanted;
      const next = { ...draft, ...rest };
      next.metadata = { ...draft.metadata, labels: { ...draft.metadata.labels, ...metadata.labels } };
      if (sameJson(next, draft)) return false;
      Object.assign(draft, next);
      return undefined;
    });
  }
}

async function ensureNode(store: Store, name: string): Promise<void> {
  const lastTransitionTime = timestamp();
  const capacity = { cpu: String(navigator.hardwareConcurrency), pods: '253' };
  const node: Omit<Node, 'status'> & { spec: object; status: object } = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
        'node-role.kubernetes.io/control-plane': '',
      },
    },
    spec: { podCIDR: `${NODE_ADDRESS.replace(/\d+$/, '0')}/24` },
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: 'InternalIP', address: NODE_ADDRESS },
        { type: 'Hostname', address: name },
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'the supervisor runs pods',
          lastTransitionTime,
        },
      ],
      nodeInfo: {
        kubeletVersion: VERSION,
        kubeProxyVersion: '',
        containerRuntimeVersion: 'ambient://0.1.0',
        operatingSystem: 'linux',
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        osImage: 'Linux',
        kernelVersion: '',
        machineID: '',
        systemUUID: '',
        bootID: '',
      },
    },
  };
  await ensure<KubeObject>(store, KIND.Node, node);
}

interface SystemPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly target: number;
}

async function ensureService(
  store: Store,
  namespace: string,
  name: string,
  clusterIP: string,
  ports: readonly SystemPort[],
): Promise<void> {
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      labels: name === 'kubernetes' ? { component: 'apiserver', provider: 'kubernetes' } : {},
    },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: ports.map(({ target, ...port }) => ({ ...port, targetPort: target })),
      ...{
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      },
    },
  };
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true, serving: true, terminating: false } }],
    ports: ports.map(({ name: portName, protocol, target }) => ({ name: portName, protocol, port: target })),
  };
  await ensure(store, KIND.Service, service);
  await ensure(store, KIND.EndpointSlice, slice);
}
