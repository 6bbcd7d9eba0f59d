import type { Kind } from '../../api/kinds';
import type { DaemonSet, KubeObject, Pod, Service, Workload } from '../../api/resources';
import { definition } from '../schema/builtin';
import { definitionName } from '../schema/kind-schema';
import { validate } from '../schema/validate';
import { matchesLabelSelector } from '../store/selectors';
import { sameJson } from '../../api/json';
import type { Cause } from '../store/status-error';
import { duplicate, immutable, notAllowed, required, wrongValue } from './causes';
import { labelCauses, metadataCauses } from './names';
import { podSpecCauses, podUpdateCauses, portCause, portNameProblem } from './pod-causes';

type Bag = KubeObject & Record<string, unknown>;
type Check = (object: never, previous: never) => Cause[];

/** What the schema says of everything but metadata and status: required fields, types and enumerations. */
function schemaCauses(kind: Kind, object: KubeObject): Cause[] {
  const schema = definition(definitionName(kind));
  if (schema === undefined) return [];
  const rest: Record<string, unknown> = { ...object };
  delete rest['status'];
  rest['metadata'] = {};
  return validate(rest, schema, { uniqueItems: false });
}

function workloadCauses({ spec }: Workload, previous: Workload | undefined): Cause[] {
  const { selector, template, replicas } = spec;
  const causes: Cause[] = [];
  if (replicas !== undefined && replicas < 0) {
    causes.push(wrongValue('spec.replicas', replicas, 'must be greater than or equal to 0'));
  }
  if (selector === undefined || (!selector.matchLabels && !selector.matchExpressions)) {
    causes.push(required('spec.selector'));
  } else if (previous !== undefined && !sameJson(selector, previous.spec.selector)) {
    causes.push(immutable('spec.selector', selector));
  } else if (!matchesLabelSelector(selector, template?.metadata?.labels)) {
    const labels = template?.metadata?.labels ?? null;
    causes.push(wrongValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  causes.push(...labelCauses(template?.metadata?.labels, 'spec.template.metadata.labels'));
  causes.push(...podSpecCauses(template?.spec, 'spec.template.spec'));
  if (template?.spec?.restartPolicy !== undefined && template.spec.restartPolicy !== 'Always') {
    causes.push({
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: "${template.spec.restartPolicy}": supported values: "Always"`,
      field: 'spec.template.spec.restartPolicy',
    });
  }
  return causes;
}

function daemonSetCauses(set: DaemonSet, previous: DaemonSet | undefined): Cause[] {
  const causes = workloadCauses(set, previous);
  const { rollingUpdate } = (set.spec['updateStrategy'] ?? {}) as { rollingUpdate?: Record<string, unknown> };
  if (rollingUpdate === undefined) return causes;
  const field = 'spec.updateStrategy.rollingUpdate';
  const [surges, misses] = ['maxSurge', 'maxUnavailable'].map((name) => parseInt(String(rollingUpdate[name]), 10) > 0);
  if (surges && misses) {
    const why = 'may not be set when maxUnavailable is non-zero';
    causes.push(wrongValue(`${field}.maxSurge`, rollingUpdate['maxSurge'], why));
  }
  if (!surges && !misses) causes.push(required(`${field}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return causes;
}

function podCauses(pod: Pod, previous: Pod | undefined): Cause[] {
  const causes = podSpecCauses(pod.spec, 'spec');
  return previous === undefined ? causes : [...causes, ...podUpdateCauses(pod.spec, previous.spec)];
}

function serviceCauses({ spec }: Service): Cause[] {
  const causes: Cause[] = [];
  const ports = spec.ports ?? [];
  if (spec.type === 'ExternalName') {
    if (!spec.externalName) causes.push(required('spec.externalName'));
  } else if (ports.length === 0 && spec.clusterIP !== 'None') causes.push(required('spec.ports'));
  const names = new Set<string>();
  const numbers = new Set<string>();
  ports.forEach(({ name, port, protocol, targetPort }, index) => {
    const field = `spec.ports[${index}]`;
    causes.push(...portCause(`${field}.port`, port));
    if (ports.length > 1 && !name) causes.push(required(`${field}.name`));
    if (name) {
      if (names.has(name)) causes.push(duplicate(`${field}.name`, name));
      names.add(name);
    }
    const number = `${port}/${protocol}`;
    if (numbers.has(number)) causes.push(duplicate(field, { port, protocol }));
    numbers.add(number);
    if (typeof targetPort === 'number') causes.push(...portCause(`${field}.targetPort`, targetPort));
    else if (targetPort !== undefined) {
      const problem = portNameProblem(targetPort);
      if (problem !== undefined) causes.push(wrongValue(`${field}.targetPort`, targetPort, problem));
    }
  });
  causes.push(...labelCauses(spec.selector, 'spec.selector'));
  return causes;
}

function bindingCauses({ roleRef, subjects }: Bag, previous: Bag | undefined): Cause[] {
  if (previous !== undefined && !sameJson(roleRef, previous['roleRef'])) {
    return [wrongValue('roleRef', roleRef, 'cannot change roleRef')];
  }
  return ((subjects ?? []) as { kind?: string; namespace?: string }[]).flatMap(({ kind, namespace }, index) =>
    kind === 'ServiceAccount' && !namespace ? [required(`subjects[${index}].namespace`)] : [],
  );
}

function dataCauses(object: Bag, previous: Bag | undefined): Cause[] {
  const causes: Cause[] = [];
  for (const name of Object.keys((object['data'] ?? {}) as object)) {
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(name) || name === '.' || name === '..') {
      const why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
      causes.push(wrongValue(`data[${name}]`, name, why));
    }
  }
  if (previous?.['immutable'] === true) {
    for (const field of ['data', 'binaryData', 'immutable']) {
      if (!sameJson(object[field], previous[field])) {
        causes.push(notAllowed(field, 'field is immutable when `immutable` is set'));
      }
    }
  }
  return causes;
}

function secretCauses(object: Bag, previous: Bag | undefined): Cause[] {
  const causes = dataCauses(object, previous);
  if (previous !== undefined && object['type'] !== previous['type']) causes.push(immutable('type', object['type']));
  for (const [name, value] of Object.entries((object['data'] ?? {}) as Record<string, string>)) {
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) causes.push(wrongValue(`data[${name}]`, '', 'illegal base64 data'));
  }
  return causes;
}

function definitionCauses(object: Bag, previous: Bag | undefined): Cause[] {
  const spec = (object['spec'] ?? {}) as { group?: string; scope?: string; names?: Bag; versions?: Bag[] };
  const causes: Cause[] = [];
  const plural = spec.names?.['plural'];
  const expected = `${String(plural)}.${spec.group}`;
  if (plural !== undefined && object.metadata.name !== expected) {
    const why = 'must be spec.names.plural+"."+spec.group';
    causes.push(wrongValue('metadata.name', object.metadata.name, why));
  }
  const versions = spec.versions ?? [];
  if (versions.filter((version) => version['storage'] === true).length !== 1) {
    const why = 'must have exactly one version marked as storage version';
    causes.push(
      wrongValue(
        'spec.versions',
        versions.map((version) => version['name']),
        why,
      ),
    );
  }
  versions.forEach((version, index) => {
    const schema = (version['schema'] as Bag | undefined)?.['openAPIV3Schema'];
    const field = `spec.versions[${index}].schema.openAPIV3Schema`;
    if (schema === undefined) causes.push(required(field, 'schemas are required'));
    else if ((schema as Bag)['type'] !== 'object') {
      causes.push(required(`${field}.type`, 'must not be empty at the root'));
    }
  });
  const before = previous?.['spec'] as typeof spec | undefined;
  if (before !== undefined && before.scope !== spec.scope) causes.push(immutable('spec.scope', spec.scope));
  return causes;
}

const CHECKS: Readonly<Record<string, Check>> = {
  '/pods': podCauses,
  '/services': serviceCauses,
  '/configmaps': dataCauses,
  '/secrets': secretCauses,
  'apps/deployments': workloadCauses,
  'apps/replicasets': workloadCauses,
  'apps/daemonsets': daemonSetCauses,
  'rbac.authorization.k8s.io/rolebindings': bindingCauses,
  'rbac.authorization.k8s.io/clusterrolebindings': bindingCauses,
  'apiextensions.k8s.io/customresourcedefinitions': definitionCauses,
};

/** Everything that is wrong with an object, as the API server would report it. */
export function objectCauses(kind: Kind, object: KubeObject, previous: KubeObject | undefined): Cause[] {
  const own = CHECKS[`${kind.group}/${kind.plural}`];
  const causes = [
    ...metadataCauses(kind, object),
    ...schemaCauses(kind, object),
    ...(own?.(object as never, previous as never) ?? []),
  ];
  const seen = new Set<string>();
  return causes.filter(({ field, reason }) => {
    const key = `${reason} ${field}`;
    return seen.has(key) ? false : seen.add(key);
  });
}
