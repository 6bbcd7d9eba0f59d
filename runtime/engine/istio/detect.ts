import { KIND } from '../../api/kinds';
import { APP, GATEWAY_MANAGED, SYSTEM_NAMESPACE, WAYPOINT_CONTROLLER } from '../../api/labels';
import { PORT } from '../../api/ports';
import type { DaemonSet, Pod } from '../../api/resources';
import { MeshError } from '../../errors';
import type { KubeClient } from '../../kube/client';
import { isReady } from '../../kube/pod-ready';

/** The oldest Istio whose ambient mode this speaks of. */
export const LEAST_VERSION: readonly [number, number] = [1, 26];

const CHART_FILLER = '1.0.0';

export interface Component {
  readonly name: string;
  readonly namespace: string;
  readonly ready: number;
  readonly wanted: number;
}

/** What a cluster runs of Istio. */
export interface Installation {
  /** Namespace of istiod. */
  readonly namespace: string;
  /** As istiod tells it, e.g. `1.26.0`; undefined when nothing tells. */
  readonly version?: string;
  readonly istiod?: Component;
  readonly ztunnel?: Component;
  /** Istio's CNI node agent, which captures pods; our own runtime has its agent instead. */
  readonly cni?: Component;
  readonly waypoints: number;
  /** Our own runtime, not upstream. */
  readonly own: boolean;
}

/** Looks what there is; asks four times. */
export async function detect(client: KubeClient): Promise<Installation> {
  const [istiods, daemonSets, waypoints] = await Promise.all([
    client.list<Pod>(KIND.Pod, { labelSelector: `app=${APP.istiod}` }),
    client.list<DaemonSet>(KIND.DaemonSet),
    client.list<Pod>(KIND.Pod, { labelSelector: `${GATEWAY_MANAGED}=${WAYPOINT_CONTROLLER.replace('/', '-')}` }),
  ]);
  const running = istiods.filter(({ status }) => status?.phase === 'Running');
  const of = (...apps: readonly string[]): Component | undefined => {
    const found = daemonSets.find(({ metadata: { labels, name } }) =>
      [labels?.['app'], labels?.['k8s-app'], labels?.['app.kubernetes.io/name'], name].some((one) =>
        apps.includes(one ?? ''),
      ),
    );
    return (
      found && {
        name: found.metadata.name,
        namespace: found.metadata.namespace ?? '',
        ready: Number(found.status?.['numberReady'] ?? 0),
        wanted: Number(found.status?.['desiredNumberScheduled'] ?? 0),
      }
    );
  };
  const [first] = running.length > 0 ? running : istiods;
  const agent = of(APP.agent);
  return {
    namespace: first?.metadata.namespace ?? SYSTEM_NAMESPACE,
    version: first && (await versionOf(client, first)),
    istiod: first && {
      name: 'istiod',
      namespace: first.metadata.namespace ?? '',
      ready: istiods.filter(isReady).length,
      wanted: istiods.length,
    },
    ztunnel: of(APP.ztunnel),
    cni: agent ?? of('istio-cni-node', 'istio-cni'),
    waypoints: waypoints.length,
    own: agent !== undefined,
  };
}

/** istiod's own word, else its image's tag, else its chart's version, which in builds of the main branch is a filler. */
async function versionOf(client: KubeClient, { metadata, spec }: Pod): Promise<string | undefined> {
  const { namespace = '', name, labels } = metadata;
  const path = client.podProxyPath(namespace, name, PORT.istiodMetrics, '/version');
  const told = await client.request('GET', path, { accept: '*/*' }).catch(() => undefined);
  const candidates = [
    told?.status === 200 ? told.body : undefined,
    ...spec.containers.map(({ image }) => image?.split(':').at(-1)),
    labels?.['app.kubernetes.io/version'] === CHART_FILLER ? undefined : labels?.['app.kubernetes.io/version'],
  ];
  return candidates
    .map((text) => /\b\d+\.\d+(\.\d+)?(-(?!distroless)[\w.]+)?/.exec(text ?? '')?.[0])
    .find((text) => text !== undefined);
}

/**
 * Refuses what cannot be attached to.
 *
 * @throws MeshError AMB_ERR_ISTIO_MISSING, AMB_ERR_ISTIO_OLD, AMB_ERR_ISTIO_NOT_AMBIENT
 */
export function requireAmbient({ istiod, ztunnel, version, own }: Installation, context: string): void {
  if (istiod === undefined) throw new MeshError('AMB_ERR_ISTIO_MISSING', { context });
  if (!own && isTooOld(version)) {
    throw new MeshError('AMB_ERR_ISTIO_OLD', { version: version ?? '', least: LEAST_VERSION.join('.') });
  }
  if (ztunnel === undefined) throw new MeshError('AMB_ERR_ISTIO_NOT_AMBIENT', { context, namespace: istiod.namespace });
}

/** A version that nobody tells, or that is no release (a build of the main branch), is not too old. */
export function isTooOld(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  if (Number.isNaN(major) || Number.isNaN(minor) || major === 0) return false;
  return major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
}

/** What is worth knowing and stops nothing. */
export function installationNotes({ istiod, ztunnel, cni, version, namespace, own }: Installation): string[] {
  const notes: string[] = [];
  if (version === undefined && !own) notes.push(`istiod in ${namespace} does not tell its version`);
  for (const component of [istiod, ztunnel, cni]) {
    if (component !== undefined && component.ready < component.wanted)
      notes.push(`${component.namespace}/${component.name}: ${component.ready} of ${component.wanted} are ready`);
  }
  if (cni === undefined) notes.push('no CNI node agent was found: nothing captures the pods of an enrolled namespace');
  return notes;
}
