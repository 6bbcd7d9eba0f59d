import type { KubeObject } from '../../runtime/api/resources';
import {
  WATCHED_KINDS,
  type MeshObjects,
  type MeshSettings,
  type WatchedKind,
  type WatchedKinds,
} from '../../runtime/istiod/mesh-objects';
import { keyOf } from '../../runtime/kube/watch';

export const SETTINGS: MeshSettings = {
  clusterId: 'Kubernetes',
  clusterDomain: 'cluster.local',
  trustDomain: 'cluster.local',
  rootNamespace: 'istio-system',
};

/** Lists of objects as istiod's watches would hold them. */
export function meshObjects(lists: { [K in WatchedKind]?: WatchedKinds[K][] }): {
  [K in WatchedKind]: Map<string, WatchedKinds[K]>;
} {
  const entries = WATCHED_KINDS.map((kind) => {
    const objects: readonly KubeObject[] = lists[kind] ?? [];
    return [kind, new Map(objects.map((object) => [keyOf(object), object]))];
  });
  return Object.fromEntries(entries) as { [K in WatchedKind]: Map<string, WatchedKinds[K]> };
}

export type Labels = Record<string, string>;

export function namespace(name: string, labels: Labels = {}): WatchedKinds['Namespace'] {
  return { metadata: { name, labels } };
}

export function service(
  name: string,
  ns: string,
  spec: WatchedKinds['Service']['spec'] = {},
  labels: Labels = {},
): WatchedKinds['Service'] {
  return { metadata: { name, namespace: ns, labels }, spec };
}

export function pod(name: string, ns: string, overrides: PodOverrides = {}): WatchedKinds['Pod'] {
  const { labels = {}, annotations = {}, ip = '10.244.0.5', ready = true, phase = 'Running', ...meta } = overrides;
  const { node = 'node-1', serviceAccount = name, spec = {}, ...metadata } = meta;
  return {
    metadata: { name, namespace: ns, uid: `uid-${name}`, labels, annotations, ...metadata },
    spec: { containers: [], nodeName: node, serviceAccountName: serviceAccount, ...spec },
    status: {
      phase,
      ...(ip !== '' && { podIP: ip, podIPs: [{ ip }] }),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

export interface PodOverrides extends Partial<WatchedKinds['Pod']['metadata']> {
  ip?: string;
  ready?: boolean;
  phase?: string;
  node?: string;
  serviceAccount?: string;
  spec?: Partial<WatchedKinds['Pod']['spec']>;
}

export const WAYPOINT_CLASS_OBJECT: WatchedKinds['GatewayClass'] = {
  metadata: { name: 'istio-waypoint' },
  spec: { controllerName: 'istio.io/mesh-controller' },
};

type AllowedRoutes = WatchedKinds['Gateway']['spec']['listeners'][number]['allowedRoutes'];

export function gateway(
  name: string,
  ns: string,
  {
    labels = {},
    ready = true,
    allowedRoutes,
  }: { labels?: Labels; ready?: boolean; allowedRoutes?: AllowedRoutes } = {},
): WatchedKinds['Gateway'] {
  return {
    metadata: { name, namespace: ns, labels, uid: `uid-${name}`, generation: 1 },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE', allowedRoutes }],
    },
    ...(ready && {
      status: {
        addresses: [
          { type: 'Hostname', value: `${name}.${ns}.svc.cluster.local` },
          { type: 'IPAddress', value: '10.96.0.77' },
        ],
      },
    }),
  };
}

export type { MeshObjects };
