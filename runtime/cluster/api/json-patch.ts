import { isObject, sameJson } from '../../api/json';
import { StatusError, badRequest } from '../store/status-error';

interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: unknown;
}
type Bag = Record<string, unknown>;
type Container = Bag | unknown[];

const unprocessable = (message: string): StatusError => new StatusError(422, 'Invalid', message);

const stepsOf = (pointer: string): string[] => {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw badRequest(`json patch: "${pointer}" is not a JSON pointer`);
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
};

/** Applies an RFC 6902 patch to a draft. Throws 422 for a path that is not there or a test that fails. */
export function applyJsonPatch(draft: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  const root = { value: draft };
  for (const operation of patch as Operation[]) apply(root, operation);
  return root.value;
}

function apply(root: { value: unknown }, { op, path, from, value }: Operation): void {
  if (typeof path !== 'string') throw badRequest('error decoding patch: an operation has no path');
  switch (op) {
    case 'add':
      return set(root, path, structuredClone(value), true);
    case 'replace':
      get(root, path);
      return set(root, path, structuredClone(value), false);
    case 'remove':
      return remove(root, path);
    case 'copy':
      return set(root, path, structuredClone(get(root, from ?? '')), true);
    case 'move': {
      const moved = get(root, from ?? '');
      remove(root, from ?? '');
      return set(root, path, moved, true);
    }
    case 'test':
      if (!sameJson(getOrUndefined(root, path) ?? null, value ?? null)) {
        throw unprocessable(`testing value ${path} failed: test failed`);
      }
      return;
    default:
      throw badRequest(`error decoding patch: unexpected operation "${op}"`);
  }
}

function getOrUndefined(root: { value: unknown }, path: string): unknown {
  let value = root.value;
  for (const step of stepsOf(path)) {
    // Own members only: a pointer must not reach a prototype.
    const isMember = isObject(value) && Object.hasOwn(value, step);
    value = Array.isArray(value) ? (value as unknown[])[Number(step)] : isMember ? (value as Bag)[step] : undefined;
  }
  return value;
}

function get(root: { value: unknown }, path: string): unknown {
  const value = getOrUndefined(root, path);
  if (value === undefined) {
    throw unprocessable(`the server rejected our request due to an error in our request: missing path: ${path}`);
  }
  return value;
}

function parentOf(root: { value: unknown }, path: string): { parent: Container; step: string } {
  const steps = stepsOf(path);
  const step = steps.pop()!;
  const parent = steps.length === 0 ? root.value : get(root, path.slice(0, path.lastIndexOf('/')));
  if (!isObject(parent) && !Array.isArray(parent)) throw unprocessable(`missing path: ${path}`);
  return { parent: parent as Container, step };
}

function set(root: { value: unknown }, path: string, value: unknown, insert: boolean): void {
  if (path === '') {
    root.value = value;
    return;
  }
  const { parent, step } = parentOf(root, path);
  if (!Array.isArray(parent))
    Object.defineProperty(parent, step, { value, writable: true, enumerable: true, configurable: true });
  else {
    const index = step === '-' ? parent.length : Number(step);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) {
      throw unprocessable(`Unable to access invalid index: ${step}`);
    }
    parent.splice(index, insert ? 0 : 1, value);
  }
}

function remove(root: { value: unknown }, path: string): void {
  get(root, path);
  const { parent, step } = parentOf(root, path);
  if (Array.isArray(parent)) parent.splice(Number(step), 1);
  else delete parent[step];
}
