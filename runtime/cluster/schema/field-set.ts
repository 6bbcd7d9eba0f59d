import { isObject, sameJson } from '../../api/json';
import { resolved } from './builtin';
import type { JsonSchema } from '../../api/json-schema';

/**
 * A set of fields as `fieldsV1` writes it: `f:name` for fields, `k:{...}` for items of map lists, `v:...` for items of
 * sets, `.` where a field with children is itself in the set. A leaf is an empty tree.
 */
export interface FieldSet {
  [step: string]: FieldSet;
}

type Steps = readonly (readonly [step: string, value: unknown, schema: JsonSchema])[];

const ANY: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };

/** Key of an item of a map list, in the order of its keys' names; keys that are left out take their defaults. */
function itemKey(item: unknown, keys: readonly string[], items: JsonSchema): string {
  const object = isObject(item) ? item : {};
  const key: Record<string, unknown> = {};
  for (const name of [...keys].sort()) {
    // The API server's own defaults of keys are those of ports.
    const value =
      object[name] ?? resolved(items).properties?.[name]?.default ?? (name === 'protocol' ? 'TCP' : undefined);
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

/** The parts of a value that can have different owners; undefined for one that is owned as a whole. */
export function stepsOf(value: unknown, given: JsonSchema): Steps | undefined {
  const schema = resolved(given);
  if (Array.isArray(value)) {
    const items = schema.items ?? ANY;
    const type = schema['x-kubernetes-list-type'];
    if (type === 'map') {
      const keys = schema['x-kubernetes-list-map-keys'] ?? [];
      return value.map((item) => [itemKey(item, keys, items), item, items] as const);
    }
    if (type === 'set') return value.map((item) => [`v:${JSON.stringify(item)}`, item, items] as const);
    return undefined;
  }
  if (!isObject(value) || schema['x-kubernetes-map-type'] === 'atomic') return undefined;
  const rest = isObject(schema.additionalProperties) ? (schema.additionalProperties as JsonSchema) : ANY;
  return Object.entries(value).map(([name, item]) => [`f:${name}`, item, schema.properties?.[name] ?? rest] as const);
}

/** All fields of a value; an item of a list and an empty map are members themselves. */
export function fieldsOf(value: unknown, schema: JsonSchema): FieldSet {
  const steps = stepsOf(value, schema);
  const set: FieldSet = {};
  for (const [step, item, itemSchema] of steps ?? []) {
    const children = fieldsOf(item, itemSchema);
    const isItem = step.startsWith('k:');
    set[step] = isItem && Object.keys(children).length > 0 ? { '.': {}, ...children } : children;
  }
  return set;
}

/** Fields of `after` that are new or different, and fields of `before` that are gone. */
export function changes(before: unknown, after: unknown, schema: JsonSchema): { changed: FieldSet; removed: FieldSet } {
  const changed: FieldSet = {};
  const removed: FieldSet = {};
  const old = new Map((stepsOf(before, schema) ?? []).map((step) => [step[0], step] as const));
  const next = stepsOf(after, schema) ?? [];
  for (const [step, value, itemSchema] of next) {
    const previous = old.get(step);
    old.delete(step);
    if (previous === undefined) changed[step] = withSelf(step, fieldsOf(value, itemSchema));
    else if (!sameJson(previous[1], value)) {
      const divisible = stepsOf(value, itemSchema) !== undefined && stepsOf(previous[1], itemSchema) !== undefined;
      if (!divisible) changed[step] = {};
      else {
        const inner = changes(previous[1], value, itemSchema);
        if (Object.keys(inner.changed).length > 0) changed[step] = inner.changed;
        if (Object.keys(inner.removed).length > 0) removed[step] = inner.removed;
      }
    }
  }
  for (const [step, [, value, itemSchema]] of old) removed[step] = withSelf(step, fieldsOf(value, itemSchema));
  return { changed, removed };
}

const withSelf = (step: string, set: FieldSet): FieldSet =>
  step.startsWith('k:') && Object.keys(set).length > 0 ? { '.': {}, ...set } : set;
const isEmpty = (set: FieldSet): boolean => Object.keys(set).length === 0;

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { ...a };
  for (const [step, children] of Object.entries(b)) {
    const own = a[step];
    if (own === undefined) result[step] = children;
    else if (isEmpty(own) && !isEmpty(children)) result[step] = { '.': {}, ...children };
    else if (isEmpty(children) && !isEmpty(own)) result[step] = { '.': {}, ...own };
    else result[step] = union(own, children);
  }
  return result;
}

/** The fields of `a` that are not in `b`. A leaf of `b` takes the whole branch with it. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [step, children] of Object.entries(a)) {
    const other = b[step];
    if (other === undefined) result[step] = children;
    else if (!isEmpty(children) && !isEmpty(other)) {
      const rest = difference(children, other);
      if (Object.keys(rest).some((name) => name !== '.') || (rest['.'] && !other['.'])) result[step] = rest;
    } else if (isEmpty(children) && !isEmpty(other) && !other['.']) result[step] = children;
  }
  return result;
}

/** The fields that are in both; a leaf meets whatever lies below it. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = {};
  for (const [step, children] of Object.entries(a)) {
    const other = b[step];
    if (other === undefined) continue;
    if (isEmpty(children) && isEmpty(other)) result[step] = {};
    else if (isEmpty(children)) {
      if (other['.']) result[step] = {};
    } else if (isEmpty(other)) {
      if (children['.']) result[step] = {};
    } else {
      const both = intersection(children, other);
      if (!isEmpty(both)) result[step] = both;
    }
  }
  return result;
}

/** The fields as conflicts name them: `.spec.replicas`, `.spec.containers[name="app"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  return Object.entries(set).flatMap(([step, children]) => {
    if (step === '.') return [];
    const path = prefix + stepText(step);
    const inner = pathsOf(children, path);
    return inner.length === 0 || children['.'] !== undefined ? [path, ...inner] : inner;
  });
}

function stepText(step: string): string {
  const text = step.slice(2);
  if (step.startsWith('f:')) return `.${text}`;
  if (step.startsWith('v:')) return `[=${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}
