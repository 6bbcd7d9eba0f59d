type Bag = Record<string, unknown>;

const FILE_MODE = 0o644;

/** Sets a field that is missing. */
export function setDefault(target: Bag, field: string, value: unknown): void {
  if (target[field] === undefined || target[field] === null) target[field] = value;
}

const bag = (value: unknown): Bag | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : undefined;
const bags = (value: unknown): Bag[] =>
  Array.isArray(value) ? value.filter((item): item is Bag => bag(item) !== undefined) : [];

/** An image without a tag or with `latest` is pulled always. */
function pullPolicy(image: unknown): string {
  if (typeof image !== 'string' || image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: Bag | undefined): void {
  if (probe === undefined) return;
  setDefault(probe, 'timeoutSeconds', 1);
  setDefault(probe, 'periodSeconds', 10);
  setDefault(probe, 'successThreshold', 1);
  setDefault(probe, 'failureThreshold', 3);
  defaultHandler(probe);
}

function defaultHandler(handler: Bag | undefined): void {
  const http = bag(handler?.['httpGet']);
  if (http !== undefined) {
    setDefault(http, 'path', '/');
    setDefault(http, 'scheme', 'HTTP');
  }
  const grpc = bag(handler?.['grpc']);
  if (grpc !== undefined) setDefault(grpc, 'service', '');
}

function defaultContainer(container: Bag): void {
  setDefault(container, 'imagePullPolicy', pullPolicy(container['image']));
  setDefault(container, 'terminationMessagePath', '/dev/termination-log');
  setDefault(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'resources', {});
  for (const port of bags(container['ports'])) setDefault(port, 'protocol', 'TCP');
  for (const variable of bags(container['env'])) {
    const field = bag(bag(variable['valueFrom'])?.['fieldRef']);
    if (field !== undefined) setDefault(field, 'apiVersion', 'v1');
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(bag(container[name]));
  const lifecycle = bag(container['lifecycle']);
  defaultHandler(bag(lifecycle?.['postStart']));
  defaultHandler(bag(lifecycle?.['preStop']));
  const { limits, requests, ...rest } = bag(container['resources'])!;
  if (bag(limits)) container['resources'] = { ...rest, limits, requests: { ...bag(limits), ...bag(requests) } };
}

function defaultVolume(volume: Bag): void {
  if (Object.keys(volume).every((name) => name === 'name')) volume['emptyDir'] = {};
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const given = bag(volume[source]);
    if (given !== undefined) setDefault(given, 'defaultMode', FILE_MODE);
  }
  const hostPath = bag(volume['hostPath']);
  if (hostPath !== undefined) setDefault(hostPath, 'type', '');
  const projected = bags(bag(volume['projected'])?.['sources']);
  for (const source of projected) {
    const token = bag(source['serviceAccountToken']);
    if (token !== undefined) setDefault(token, 'expirationSeconds', 3600);
  }
  const items = [volume, ...projected].flatMap((source) => bags(bag(source['downwardAPI'])?.['items']));
  for (const item of items) {
    const field = bag(item['fieldRef']);
    if (field !== undefined) setDefault(field, 'apiVersion', 'v1');
  }
}

/** The defaults of a pod's spec, alone or in a template. */
export function defaultPodSpec(spec: Bag): void {
  setDefault(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'schedulerName', 'default-scheduler');
  if (spec['serviceAccountName'] !== undefined) spec['serviceAccount'] = spec['serviceAccountName'];
  else if (spec['serviceAccount'] !== undefined) spec['serviceAccountName'] = spec['serviceAccount'];
  for (const container of [...bags(spec['initContainers']), ...bags(spec['containers'])]) defaultContainer(container);
  for (const volume of bags(spec['volumes'])) defaultVolume(volume);
  if (spec['hostNetwork'] !== true) return;
  for (const port of bags(spec['containers']).flatMap((container) => bags(container['ports']))) {
    setDefault(port, 'hostPort', port['containerPort']);
  }
}

/** What a pod has beyond its template: an account, links, a phase, a quality of service. */
export function defaultPod(pod: Bag): void {
  const spec = bag(pod['spec']);
  if (spec === undefined) return;
  defaultPodSpec(spec);
  setDefault(spec, 'enableServiceLinks', true);
  setDefault(spec, 'serviceAccountName', 'default');
  setDefault(spec, 'serviceAccount', spec['serviceAccountName']);
  setDefault(spec, 'preemptionPolicy', 'PreemptLowerPriority');
  setDefault(spec, 'priority', 0);
  const status = (pod['status'] ??= {}) as Bag;
  setDefault(status, 'phase', 'Pending');
  setDefault(status, 'qosClass', qosClass(spec));
}

function qosClass(spec: Bag): string {
  const containers = [...bags(spec['initContainers']), ...bags(spec['containers'])];
  const resources = containers.map((container) => bag(container['resources']) ?? {});
  const quantity = (of: Bag, list: string, name: string): unknown => bag(of[list])?.[name];
  const names = ['cpu', 'memory'];
  const asks = (of: Bag): boolean =>
    names.some((name) => quantity(of, 'requests', name) ?? quantity(of, 'limits', name));
  if (!resources.some(asks)) return 'BestEffort';
  const guaranteed = resources.every((of) =>
    names.every((name) => {
      const limit = quantity(of, 'limits', name);
      return limit !== undefined && (quantity(of, 'requests', name) ?? limit) === limit;
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
