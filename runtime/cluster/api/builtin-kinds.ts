import type { ServedKind } from './served-kind';

type Rest = Partial<Pick<ServedKind, 'shortNames' | 'categories' | 'subresources' | 'selectable'>>;

const make =
  (group: string, version: string, namespaced: boolean) =>
  (kind: string, plural: string, rest: Rest = {}): ServedKind => ({
    group,
    version,
    kind,
    plural,
    namespaced,
    singular: kind.toLowerCase(),
    subresources: [],
    ...rest,
  });

const core = make('', 'v1', true);
const coreCluster = make('', 'v1', false);
const apps = make('apps', 'v1', true);
const rbac = make('rbac.authorization.k8s.io', 'v1', true);
const rbacCluster = make('rbac.authorization.k8s.io', 'v1', false);

const status = ['status'];
const all = ['all'];
const eventFields = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'source',
  'type',
];

/** The kinds that are served without a CustomResourceDefinition. */
export const BUILTIN_KINDS: readonly ServedKind[] = [
  coreCluster('Namespace', 'namespaces', {
    shortNames: ['ns'],
    subresources: status,
    selectable: ['status.phase'],
  }),
  coreCluster('Node', 'nodes', { shortNames: ['no'], subresources: status, selectable: ['spec.unschedulable'] }),
  core('Pod', 'pods', {
    shortNames: ['po'],
    categories: all,
    subresources: status,
    selectable: [
      'spec.nodeName',
      'spec.restartPolicy',
      'spec.schedulerName',
      'spec.serviceAccountName',
      'spec.hostNetwork',
      'status.phase',
      'status.podIP',
      'status.nominatedNodeName',
    ],
  }),
  core('Service', 'services', {
    shortNames: ['svc'],
    categories: all,
    subresources: status,
    selectable: ['spec.clusterIP', 'spec.type'],
  }),
  core('Endpoints', 'endpoints', { shortNames: ['ep'] }),
  core('ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] }),
  core('ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  core('Secret', 'secrets', { selectable: ['type'] }),
  core('Event', 'events', { shortNames: ['ev'], selectable: eventFields }),
  apps('Deployment', 'deployments', {
    shortNames: ['deploy'],
    categories: all,
    subresources: ['status', 'scale'],
  }),
  apps('ReplicaSet', 'replicasets', {
    shortNames: ['rs'],
    categories: all,
    subresources: ['status', 'scale'],
    selectable: ['status.replicas'],
  }),
  apps('DaemonSet', 'daemonsets', { shortNames: ['ds'], categories: all, subresources: status }),
  make('discovery.k8s.io', 'v1', true)('EndpointSlice', 'endpointslices'),
  make('coordination.k8s.io', 'v1', true)('Lease', 'leases'),
  rbac('Role', 'roles'),
  rbac('RoleBinding', 'rolebindings'),
  rbacCluster('ClusterRole', 'clusterroles'),
  rbacCluster('ClusterRoleBinding', 'clusterrolebindings'),
  make('apiextensions.k8s.io', 'v1', false)('CustomResourceDefinition', 'customresourcedefinitions', {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    subresources: status,
  }),
];

/** Kinds that are answered at once and never stored. */
export const REVIEW_KINDS: readonly ServedKind[] = [
  make('authentication.k8s.io', 'v1', false)('TokenReview', 'tokenreviews'),
  make('authentication.k8s.io', 'v1', false)('SelfSubjectReview', 'selfsubjectreviews'),
  make('authorization.k8s.io', 'v1', false)('SubjectAccessReview', 'subjectaccessreviews'),
  make('authorization.k8s.io', 'v1', false)('SelfSubjectAccessReview', 'selfsubjectaccessreviews'),
  make('authorization.k8s.io', 'v1', true)('LocalSubjectAccessReview', 'localsubjectaccessreviews'),
  make('authorization.k8s.io', 'v1', false)('SelfSubjectRulesReview', 'selfsubjectrulesreviews'),
];
