import type { Container, PodSpec } from '../../api/resources';
import { sameJson } from '../../api/json';
import type { Cause } from '../store/status-error';
import { absent, duplicate, notAllowed, required, wrongValue } from './causes';
import { labelProblem } from './names';

const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*[a-z0-9]$|^[a-z]$/;
const PORT_WHY = 'must be between 1 and 65535, inclusive';
const ENV_NAME = /^[ -<>-~]+$/;

type Spec = PodSpec & { initContainers?: Container[] };

export const isPort = (port: unknown): boolean => Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65535;
export const portCause = (field: string, port: unknown): Cause[] =>
  isPort(port) ? [] : [wrongValue(field, port, PORT_WHY)];

/** Why a text is no name of a port, or undefined. */
export function portNameProblem(name: string): string | undefined {
  if (name.length > 15) return 'must be no more than 15 characters';
  return PORT_NAME.test(name)
    ? undefined
    : 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), and at least one letter (a-z)';
}

function nameCauses(names: readonly (string | undefined)[], path: string): Cause[] {
  const seen = new Set<string>();
  return names.flatMap((name, index) => {
    const field = `${path}[${index}].name`;
    if (name === undefined) return [];
    const problem = labelProblem(name);
    if (problem !== undefined) return [wrongValue(field, name, problem)];
    if (seen.has(name)) return [duplicate(field, name)];
    seen.add(name);
    return [];
  });
}

function containerCauses(container: Container, path: string, volumes: ReadonlySet<string>): Cause[] {
  const causes: Cause[] = [];
  if (!container.image) causes.push(required(`${path}.image`));
  const names = new Set<string>();
  (container.ports ?? []).forEach(({ name, containerPort }, index) => {
    const field = `${path}.ports[${index}]`;
    causes.push(...portCause(`${field}.containerPort`, containerPort));
    if (name === undefined) return;
    const problem = portNameProblem(name);
    if (problem !== undefined) causes.push(wrongValue(`${field}.name`, name, problem));
    else if (names.has(name)) causes.push(duplicate(`${field}.name`, name));
    names.add(name);
  });
  (container.env ?? []).forEach(({ name }, index) => {
    if (name && !ENV_NAME.test(name)) {
      const why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
      causes.push(wrongValue(`${path}.env[${index}].name`, name, why));
    }
  });
  const mounted = new Set<string>();
  (container.volumeMounts ?? []).forEach(({ name, mountPath }, index) => {
    const field = `${path}.volumeMounts[${index}]`;
    if (name !== undefined && !volumes.has(name)) causes.push(absent(`${field}.name`, name));
    if (mountPath !== undefined && mounted.has(mountPath)) {
      causes.push(wrongValue(`${field}.mountPath`, mountPath, 'must be unique'));
    }
    mounted.add(mountPath);
  });
  return causes;
}

/** Checks a pod's spec, alone or in a template, at a path such as `spec.template.spec`. */
export function podSpecCauses(spec: Spec | undefined, path: string): Cause[] {
  if (spec === undefined) return [];
  const volumes = (spec.volumes ?? []).map(({ name }) => name);
  const known = new Set(volumes);
  const causes = nameCauses(volumes, `${path}.volumes`);
  if (!spec.containers?.length) causes.push(required(`${path}.containers`));
  for (const list of ['initContainers', 'containers'] as const) {
    const containers = spec[list] ?? [];
    causes.push(
      ...nameCauses(
        containers.map(({ name }) => name),
        `${path}.${list}`,
      ),
    );
    containers.forEach((container, index) => {
      causes.push(...containerCauses(container, `${path}.${list}[${index}]`, known));
    });
  }
  return causes;
}

/** A pod's spec as far as it may not change. */
function fixedPart(spec: Spec): object {
  const rest: Record<string, unknown> = { ...spec };
  for (const field of ['activeDeadlineSeconds', 'terminationGracePeriodSeconds', 'tolerations', 'schedulingGates']) {
    delete rest[field];
  }
  const imageless = (containers: readonly Container[] | undefined): unknown =>
    containers?.map((container) => ({ ...container, image: '' }));
  return { ...rest, containers: imageless(spec.containers), initContainers: imageless(spec.initContainers) };
}

/** A pod's spec does not change, apart from images and a few numbers; its node is set once. */
export function podUpdateCauses(next: Spec, previous: Spec): Cause[] {
  const bound = !previous.nodeName && next.nodeName ? { ...previous, nodeName: next.nodeName } : previous;
  if (sameJson(fixedPart(next), fixedPart(bound))) return [];
  const why =
    'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
    '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
    '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [notAllowed('spec', why)];
}
