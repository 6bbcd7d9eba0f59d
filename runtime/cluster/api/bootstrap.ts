import { createHash } from 'node:crypto';
import { bundledCrds, type CustomResourceDefinition } from '../../api/crds';
import { KIND, type Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { addAdmission } from '../admission/admission';
import type { Pki } from '../auth/pki';
import { RBAC, type PolicyRule } from '../auth/authorize';
import { startCustomResources } from '../controllers/custom-resources';
import { startGarbageCollector } from '../controllers/garbage-collector';
import { startNamespaces } from '../controllers/namespaces';
import { DIGEST } from '../node/manifests';
import type { Store } from '../store/store';

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const CORE = ['configmaps', 'endpoints', 'events', 'pods', 'pods/log', 'pods/status', 'serviceaccounts', 'services'];
const GROUPS = ['apps', 'discovery.k8s.io', 'gateway.networking.k8s.io', 'networking.istio.io', 'security.istio.io'];

const reading: PolicyRule[] = [
  { verbs: READ, apiGroups: [''], resources: [...CORE, 'namespaces'] },
  { verbs: READ, apiGroups: GROUPS, resources: ['*'] },
];
const editing: PolicyRule[] = [
  ...reading,
  { verbs: READ, apiGroups: [''], resources: ['secrets'] },
  {
    verbs: WRITE,
    apiGroups: [''],
    resources: [...CORE, 'secrets', 'pods/portforward', 'pods/proxy', 'services/proxy'],
  },
  { verbs: ['create', 'get'], apiGroups: [''], resources: ['pods/portforward', 'pods/proxy', 'services/proxy'] },
  { verbs: WRITE, apiGroups: GROUPS, resources: ['*'] },
];
const CLUSTER_ROLES: Readonly<Record<string, PolicyRule[]>> = {
  'cluster-admin': [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
  admin: [
    ...editing,
    { verbs: ['*'], apiGroups: [RBAC.Role.group], resources: ['roles', 'rolebindings'] },
    { verbs: ['create'], apiGroups: [''], resources: ['serviceaccounts/token'] },
  ],
  edit: editing,
  view: reading,
  'system:discovery': [
    { verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/version'] },
  ],
  'system:basic-user': [
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
    { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  ],
};
const BINDINGS: readonly (readonly [role: string, group: string])[] = [
  ['cluster-admin', 'system:masters'],
  ['system:discovery', 'system:authenticated'],
  ['system:basic-user', 'system:authenticated'],
];

/**
 * Makes a store into a cluster's: admission, the namespaces and roles that every cluster has, the bundled
 * CustomResourceDefinitions, and the controllers that belong to the API itself (namespaces, definitions, garbage).
 * Called once, before anything else writes; what is there already is left alone.
 */
export async function bootstrapCluster(store: Store, pki: Pki): Promise<Disposable> {
  addAdmission(store);
  const missing = async (kind: Kind, object: KubeObject): Promise<void> => {
    const { namespace, name } = object.metadata;
    if (store.latest(kind, namespace, name) === undefined) await store.create(kind, object);
  };
  const roles = Object.entries(CLUSTER_ROLES).map(([name, rules]) =>
    missing(RBAC.ClusterRole, { metadata: { name, labels: LABELS }, ...{ rules } }),
  );
  const bindings = BINDINGS.map(([role, group]) =>
    missing(RBAC.ClusterRoleBinding, {
      metadata: { name: role, labels: LABELS },
      ...{ roleRef: { kind: 'ClusterRole', name: role }, subjects: [{ kind: 'Group', name: group }] },
    }),
  );
  const namespaces = NAMESPACES.map((name) => missing(KIND.Namespace, { metadata: { name } }));
  await Promise.all([...namespaces, ...roles, ...bindings, ...bundledCrds.map((crd) => ensureDefinition(store, crd))]);
  const controllers = [
    startNamespaces(store, pki.caCertificate),
    startCustomResources(store),
    startGarbageCollector(store),
  ];
  return {
    [Symbol.dispose]() {
      for (const controller of controllers) controller[Symbol.dispose]();
    },
  };
}

/** Replaces a definition of another release; what somebody else has installed under the name stays. */
async function ensureDefinition(store: Store, definition: CustomResourceDefinition): Promise<void> {
  const { name } = definition.metadata;
  const present = store.latest<CustomResourceDefinition>(KIND.CustomResourceDefinition, undefined, name);
  const digest = createHash('sha256').update(JSON.stringify(definition)).digest('hex').slice(0, 16);
  if (present?.metadata.annotations?.[DIGEST] === digest || (present && !present.metadata.annotations?.[DIGEST]))
    return;
  const { metadata, spec } = definition;
  const annotations = { ...metadata.annotations, [DIGEST]: digest };
  if (present === undefined) {
    await store.create(KIND.CustomResourceDefinition, { ...definition, metadata: { ...metadata, annotations } });
  } else {
    await store.modify<CustomResourceDefinition>(KIND.CustomResourceDefinition, undefined, name, (draft) => {
      draft.spec = spec;
      draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
    });
  }
}
