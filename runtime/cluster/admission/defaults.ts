import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { timestamp } from '../store/deletion';
import { defaultPod, defaultPodSpec, setDefault } from './pod-defaults';

/** Keeps a CustomResourceDefinition until its objects are gone. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

type Bag = Record<string, unknown>;

const bag = (value: unknown): Bag | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : undefined;
const bags = (value: unknown): Bag[] => (Array.isArray(value) ? (value as Bag[]).filter((item) => bag(item)) : []);

/** Spec of a workload, with the defaults of its template's pods. */
function workloadSpec(object: Bag): Bag | undefined {
  const spec = bag(object['spec']);
  const template = bag(spec?.['template']);
  if (template !== undefined) {
    const podSpec = bag(template['spec']);
    if (podSpec !== undefined) defaultPodSpec(podSpec);
  }
  return spec;
}

function defaultRollingUpdate(spec: Bag, field: string, bounds: Bag): void {
  const strategy = (spec[field] ??= {}) as Bag;
  setDefault(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] !== 'RollingUpdate') return;
  const rolling = (strategy['rollingUpdate'] ??= {}) as Bag;
  for (const [name, value] of Object.entries(bounds)) setDefault(rolling, name, value);
}

function defaultDeployment(object: Bag): void {
  const spec = workloadSpec(object);
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
  defaultRollingUpdate(spec, 'strategy', { maxUnavailable: '25%', maxSurge: '25%' });
}

function defaultReplicaSet(object: Bag): void {
  const spec = workloadSpec(object);
  if (spec !== undefined) setDefault(spec, 'replicas', 1);
}

function defaultDaemonSet(object: Bag): void {
  const spec = workloadSpec(object);
  if (spec === undefined) return;
  setDefault(spec, 'revisionHistoryLimit', 10);
  defaultRollingUpdate(spec, 'updateStrategy', { maxUnavailable: 1, maxSurge: 0 });
}

function defaultService(object: Bag): void {
  const spec = (object['spec'] ??= {}) as Bag;
  setDefault(spec, 'type', 'ClusterIP');
  setDefault(spec, 'sessionAffinity', 'None');
  for (const port of bags(spec['ports'])) {
    setDefault(port, 'protocol', 'TCP');
    setDefault(port, 'targetPort', port['port']);
  }
  if (spec['sessionAffinity'] === 'ClientIP')
    setDefault(spec, 'sessionAffinityConfig', { clientIP: { timeoutSeconds: 10800 } });
  if (spec['type'] !== 'ExternalName') {
    setDefault(spec, 'internalTrafficPolicy', 'Cluster');
    setDefault(spec, 'ipFamilies', ['IPv4']);
    setDefault(spec, 'ipFamilyPolicy', 'SingleStack');
  }
  if (spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer')
    setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec['type'] === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  setDefault(object, 'status', { loadBalancer: {} });
}

function defaultNamespace(object: Bag): void {
  const { metadata } = object as unknown as KubeObject;
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  if (metadata.deletionTimestamp !== undefined) return;
  const spec = (object['spec'] ??= {}) as Bag;
  setDefault(spec, 'finalizers', ['kubernetes']);
  setDefault(object, 'status', { phase: 'Active' });
}

function defaultSecret(object: Bag): void {
  setDefault(object, 'type', 'Opaque');
  const plain = bag(object['stringData']);
  if (plain === undefined) return;
  const data = (object['data'] ??= {}) as Bag;
  for (const [name, text] of Object.entries(plain)) data[name] = Buffer.from(String(text)).toString('base64');
  delete object['stringData'];
}

function defaultEndpointSlice(object: Bag): void {
  for (const port of bags(object['ports'])) {
    setDefault(port, 'name', '');
    setDefault(port, 'protocol', 'TCP');
  }
}

const RBAC_GROUP = 'rbac.authorization.k8s.io';
function defaultBinding(object: Bag): void {
  const role = bag(object['roleRef']);
  if (role !== undefined) setDefault(role, 'apiGroup', RBAC_GROUP);
  for (const subject of bags(object['subjects'])) {
    if (subject['kind'] !== 'ServiceAccount') setDefault(subject, 'apiGroup', RBAC_GROUP);
    else if (object['kind'] === 'RoleBinding')
      setDefault(subject, 'namespace', (object['metadata'] as Bag)['namespace']);
  }
}

/** A definition is established as soon as it is stored: its kinds are served from then on. */
function defaultDefinition(object: Bag): void {
  const spec = bag(object['spec']);
  const names = bag(spec?.['names']);
  if (spec === undefined || names === undefined) return;
  setDefault(names, 'singular', String(names['kind']).toLowerCase());
  setDefault(names, 'listKind', `${String(names['kind'])}List`);
  setDefault(spec, 'conversion', { strategy: 'None' });
  const { metadata } = object as unknown as KubeObject;
  // Its objects go before it does.
  if (metadata.deletionTimestamp === undefined && !metadata.finalizers?.includes(CLEANUP)) {
    metadata.finalizers = [...(metadata.finalizers ?? []), CLEANUP];
  }
  const status = (object['status'] ??= {}) as Bag;
  status['acceptedNames'] = names;
  const storage = bags(spec['versions']).find((version) => version['storage'])?.['name'];
  const stored = (status['storedVersions'] ??= []) as unknown[];
  if (storage !== undefined && !stored.includes(storage)) status['storedVersions'] = [...stored, storage];
  const lastTransitionTime = timestamp();
  setDefault(status, 'conditions', [
    {
      type: 'NamesAccepted',
      status: 'True',
      reason: 'NoConflicts',
      message: 'no conflicts found',
      lastTransitionTime,
    },
    {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
      lastTransitionTime,
    },
  ]);
}

const DEFAULTS: Readonly<Record<string, (object: Bag) => void>> = {
  '/namespaces': defaultNamespace,
  '/pods': defaultPod,
  '/services': defaultService,
  '/secrets': defaultSecret,
  'apps/deployments': defaultDeployment,
  'apps/replicasets': defaultReplicaSet,
  'apps/daemonsets': defaultDaemonSet,
  'discovery.k8s.io/endpointslices': defaultEndpointSlice,
  'rbac.authorization.k8s.io/rolebindings': defaultBinding,
  'rbac.authorization.k8s.io/clusterrolebindings': defaultBinding,
  'apiextensions.k8s.io/customresourcedefinitions': defaultDefinition,
};

/** Sets the defaults of a built-in kind in a draft, as the API server does. */
export function setDefaults({ group, plural }: Kind, draft: KubeObject): void {
  DEFAULTS[`${group}/${plural}`]?.(draft as unknown as Bag);
}
