import { KIND } from '../../api/kinds';
import type { EndpointSlice, Pod, Service, ServicePort } from '../../api/resources';
import { sameJson } from '../../api/json';
import type { Store } from '../store/store';
import { isReady, ownerReference } from './pods';
import { Reconciler, controllerOf, keyOf, type Key } from './reconciler';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';

type Content = Required<Pick<EndpointSlice, 'endpoints' | 'ports'>>;
type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

const selects = ({ metadata, spec }: Service, pod: Pod): boolean =>
  metadata.namespace === pod.metadata.namespace &&
  spec.selector !== undefined &&
  Object.keys(spec.selector).length > 0 &&
  Object.entries(spec.selector).every(([key, value]) => pod.metadata.labels?.[key] === value);

/** The port of a pod that a service's port leads to; undefined when the pod has no port of that name. */
function targetOf({ targetPort, port, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (typeof targetPort !== 'string') return targetPort ?? port;
  if (/^\d+$/.test(targetPort)) return Number(targetPort);
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find(({ name, protocol: used = 'TCP' }) => name === targetPort && used === protocol)?.containerPort;
}

/** A service's endpoints: one slice for each set of target ports that its pods have. */
export function sliceContents(service: Service, pods: readonly Pod[]): Content[] {
  const contents = new Map<string, Content>();
  for (const pod of pods) {
    const { status, metadata, spec } = pod;
    if (!status?.podIP || status.phase === 'Succeeded' || status.phase === 'Failed' || !selects(service, pod)) continue;
    const ports = (service.spec.ports ?? []).flatMap((port) => {
      const target = targetOf(port, pod);
      if (target === undefined) return [];
      const { name = '', protocol = 'TCP', appProtocol } = port;
      return [{ name, port: target, protocol, ...(appProtocol && { appProtocol }) }];
    });
    const serving = isReady(pod);
    const terminating = metadata.deletionTimestamp !== undefined;
    const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
    const endpoint: Endpoint = {
      addresses: [status.podIP],
      conditions: { ready, serving, terminating },
      nodeName: spec.nodeName,
      targetRef: { kind: 'Pod', name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
      ...(spec.hostname && spec.subdomain === service.metadata.name && { hostname: spec.hostname }),
    };
    const key = JSON.stringify(ports);
    const content = contents.get(key) ?? { endpoints: [], ports };
    content.endpoints.push(endpoint);
    contents.set(key, content);
  }
  return [...contents.values()];
}

/** Keeps the EndpointSlices of every Service with a selector as its pods are. */
export function startEndpointSlices(store: Store): Reconciler {
  const reconciler = new Reconciler('endpointslice', sync);
  reconciler.follow<Service>(store, KIND.Service, ({ object }) => [keyOf(object)]);
  reconciler.follow<Pod>(store, KIND.Pod, ({ object, previous }) =>
    store
      .list<Service>(KIND.Service, object.metadata.namespace)
      .filter((service) => selects(service, object) || (previous !== undefined && selects(service, previous)))
      .map(keyOf),
  );
  reconciler.follow<EndpointSlice>(store, KIND.EndpointSlice, function* ({ object }) {
    const name = object.metadata.labels?.[SERVICE_NAME];
    if (object.metadata.labels?.[MANAGED_BY] === MANAGER && name !== undefined) {
      yield { namespace: object.metadata.namespace ?? '', name };
    }
  });
  return reconciler;

  async function sync({ namespace, name }: Key): Promise<void> {
    const service = store.get<Service>(KIND.Service, namespace, name);
    const mine = store.list<EndpointSlice>(
      KIND.EndpointSlice,
      namespace,
      ({ metadata }) => metadata.labels?.[SERVICE_NAME] === name && metadata.labels[MANAGED_BY] === MANAGER,
    );
    const owned = mine.filter((slice) => service !== undefined && controllerOf(slice)?.uid === service.metadata.uid);
    for (const slice of mine) if (!owned.includes(slice)) await remove(slice);
    if (service?.spec.selector === undefined || service.metadata.deletionTimestamp !== undefined) {
      for (const slice of owned) await remove(slice);
      return;
    }
    const contents = sliceContents(service, store.list<Pod>(KIND.Pod, namespace));
    // A service without pods has one empty slice.
    if (contents.length === 0) contents.push({ endpoints: [], ports: [] });
    for (const content of contents) {
      const at = owned.findIndex(({ ports = [] }) => sameJson(ports, content.ports));
      const slice = at === -1 ? owned.shift() : owned.splice(at, 1)[0];
      if (slice === undefined) await create(service, content);
      else if (!sameJson({ endpoints: slice.endpoints ?? [], ports: slice.ports ?? [] }, content)) {
        await store.modify<EndpointSlice>(KIND.EndpointSlice, namespace, slice.metadata.name, (draft) => {
          Object.assign(draft, content);
        });
      }
    }
    for (const slice of owned) await remove(slice);
  }

  async function create(service: Service, content: Content): Promise<void> {
    const { name, namespace, labels } = service.metadata;
    await store.create<EndpointSlice>(KIND.EndpointSlice, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: '',
        generateName: `${name}-`,
        namespace,
        labels: { ...labels, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER },
        ownerReferences: [ownerReference(KIND.Service, service)],
      },
      addressType: 'IPv4',
      ...content,
    });
  }

  async function remove({ metadata }: EndpointSlice): Promise<void> {
    await store.delete(KIND.EndpointSlice, metadata.namespace, metadata.name);
  }
}
