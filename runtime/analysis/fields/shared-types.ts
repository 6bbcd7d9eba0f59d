import { typed, type FieldDocs } from './field-docs';

/** What every object has. */
export const objectFields: FieldDocs = {
  apiVersion:
    'Group and version of the kind, such as `security.istio.io/v1`. Ambient works with `v1` wherever it exists.',
  kind: 'What kind of object this is.',
  metadata: 'Name, namespace, labels and annotations.',
  'metadata.name': 'Name of the object, unique among objects of its kind in the namespace.',
  'metadata.namespace':
    'Namespace of the object. Policies in the root namespace (`istio-system` unless configured) count for the whole mesh.',
  'metadata.labels': 'Labels, by which selectors, ambient enrolment and waypoints find the object.',
  'metadata.annotations': 'Notes for tools and controllers; nothing selects by them.',
};

/** `selector` of Istio's policies. */
export const workloadSelector: FieldDocs = {
  matchLabels:
    'Labels that a pod must have, all of them. An empty mapping selects every pod of the namespace. Waypoints do not read it.',
};

/** `targetRefs` of Istio's policies. */
export const policyTarget: FieldDocs = {
  group:
    'API group of the target: empty for a Service, `gateway.networking.k8s.io` for a Gateway or GatewayClass, `networking.istio.io` for a ServiceEntry.',
  kind: '`Gateway` for everything that passes a waypoint, `Service` or `ServiceEntry` for traffic to one host, `GatewayClass` (root namespace) for all waypoints.',
  name: 'Name of the target. It must be in the namespace of the policy.',
  namespace: 'Not supported: a target is always in the namespace of the policy.',
};

/** `status` as Istio's kinds have it. */
export const istioStatus: FieldDocs = {
  conditions:
    'What controllers found out: for policies, `ZtunnelAccepted` and `WaypointAccepted` say who took them and what was left out.',
  'conditions.lastProbeTime': 'When the condition was last looked at.',
  'conditions.lastTransitionTime': 'When the condition last changed its status.',
  'conditions.message': 'The finding in words.',
  'conditions.observedGeneration': 'Generation of the object that the condition speaks of.',
  'conditions.reason': 'The finding in one word, for programs.',
  'conditions.status': '`True`, `False` or `Unknown`.',
  'conditions.type': 'What the condition is about.',
  observedGeneration:
    'Generation of the object that the status speaks of; a smaller one than the object’s is outdated.',
  validationMessages: 'Findings of istiod’s own analysis.',
  'validationMessages.documentationUrl': 'Where the finding is explained.',
  'validationMessages.level': 'How grave the finding is.',
  'validationMessages.type': 'Name and code of the finding.',
  'validationMessages.type.code': 'Code of the finding, `IST0101`.',
  'validationMessages.type.name': 'Name of the finding.',
};

/** A condition as Kubernetes has it. */
const condition: FieldDocs = {
  lastTransitionTime: 'When the condition last changed its status.',
  message: 'The finding in words.',
  observedGeneration:
    'Generation of the object that the condition speaks of; a smaller one than the object’s is outdated.',
  reason: 'The finding in one word, for programs.',
  status: '`True`, `False` or `Unknown`.',
  type: 'What the condition is about, such as `Accepted`, `Programmed` or `ResolvedRefs`.',
};

export const conditions = typed('What controllers found out, one entry for each question.', condition);

/** A selector of Kubernetes, by labels and expressions. */
export const labelSelector: FieldDocs = {
  matchLabels: 'Labels that must be there with these values, all of them.',
  matchExpressions: 'Conditions on labels, all of which must hold.',
  'matchExpressions.key': 'Key of the label.',
  'matchExpressions.operator': '`In`, `NotIn`, `Exists` or `DoesNotExist`.',
  'matchExpressions.values': 'Values for `In` and `NotIn`.',
};

/** A reference to a Secret, ConfigMap or other object, perhaps of another namespace. */
export const objectReference: FieldDocs = {
  group: 'API group of the object; empty for the core group, as for Secrets and ConfigMaps.',
  kind: 'Kind of the object.',
  name: 'Name of the object.',
  namespace: 'Namespace of the object, this object’s own by default. Another one needs a ReferenceGrant there.',
};
