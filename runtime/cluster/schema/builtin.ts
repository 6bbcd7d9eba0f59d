import type { JsonSchema } from '../../api/json-schema';
import compact from './builtin-schemas.json';

const definitions = compact as unknown as Record<string, Record<string, string>>;
const expanded = new Map<string, JsonSchema>();
const REF = '#/components/schemas/';

/** Definitions by `<group's first label>.<version>.<Kind>`, as OpenAPI names them. */
const PREFIXES: Readonly<Record<string, string>> = {
  meta: 'io.k8s.apimachinery.pkg.apis.meta',
  apiextensions: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
};
/** Go's names of integers and the like by their OpenAPI type and format. */
const PRIMITIVES: Readonly<Record<string, JsonSchema>> = {
  string: { type: 'string' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  bool: { type: 'boolean' },
  double: { type: 'number', format: 'double' },
  time: { type: 'string', format: 'date-time' },
  microtime: { type: 'string', format: 'date-time' },
  bytes: { type: 'string', format: 'byte' },
  quantity: { 'x-kubernetes-int-or-string': true, format: 'quantity' },
  intstr: { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
};

/** `io.k8s.api.core.v1.Pod` of `core.v1.Pod`. */
export function openApiName(name: string): string {
  const [group = '', ...rest] = name.split('.');
  return [PREFIXES[group] ?? `io.k8s.api.${group}`, ...rest].join('.');
}

function typeSchema(type: string): JsonSchema {
  if (type.startsWith('[]')) return { type: 'array', items: typeSchema(type.slice(2)) };
  if (type.startsWith('{}')) return { type: 'object', additionalProperties: typeSchema(type.slice(2)) };
  if (type.startsWith('string:')) return { type: 'string', enum: type.slice(7).split('|') };
  return PRIMITIVES[type] ?? { $ref: REF + type };
}

function fieldSchema(marks: readonly string[], type: string): JsonSchema {
  const schema: JsonSchema = { ...typeSchema(type) };
  for (const mark of marks) {
    const [name, value = ''] = mark.split('=');
    if (name === 'merge') {
      schema['x-kubernetes-patch-strategy'] = 'merge';
      if (value) schema['x-kubernetes-patch-merge-key'] = value;
    } else if (name === 'retainKeys') schema['x-kubernetes-patch-strategy'] = 'merge,retainKeys';
    else if (name === 'keys') {
      schema['x-kubernetes-list-type'] = 'map';
      schema['x-kubernetes-list-map-keys'] = value.split(',');
    } else if (name === 'set') schema['x-kubernetes-list-type'] = 'set';
    else if (name === 'atomic') {
      if (schema.type === 'array') schema['x-kubernetes-list-type'] = 'atomic';
      else schema['x-kubernetes-map-type'] = 'atomic';
    }
  }
  return schema;
}

/** A definition by its compact name, expanded at its first use; undefined for an unknown one. */
export function definition(name: string): JsonSchema | undefined {
  const known = expanded.get(name);
  const fields = definitions[name];
  if (known !== undefined || fields === undefined) return known;
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const [field, text] of Object.entries(fields)) {
    const [type = '', ...marks] = text.split(' ');
    if (field.startsWith('<')) {
      const inner = definition(type);
      Object.assign(properties, inner?.properties);
      required.push(...(inner?.required ?? []));
      continue;
    }
    const [, bare = '', flags = ''] = /^(.*?)([!*]*)$/.exec(type)!;
    if (flags.includes('!')) required.push(field);
    properties[field] = fieldSchema(marks, bare);
  }
  const schema: JsonSchema = { type: 'object', properties, ...(required.length > 0 && { required }) };
  expanded.set(name, schema);
  return schema;
}

/** The fields of a definition as the compact file writes them. */
export const compactFields = (name: string): Readonly<Record<string, string>> | undefined => definitions[name];

/** Follows a reference to a built-in definition, keeping the list and map types written beside it. */
export function resolved(schema: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  const target = definition(schema.$ref.slice(REF.length)) ?? { 'x-kubernetes-preserve-unknown-fields': true };
  return schema['x-kubernetes-map-type'] === undefined
    ? target
    : { ...target, 'x-kubernetes-map-type': schema['x-kubernetes-map-type'] };
}

/** The Go type's name behind a reference, for messages. */
export const structName = (schema: JsonSchema): string | undefined => schema.$ref?.split('.').at(-1);

export const OBJECT_META: JsonSchema = { $ref: `${REF}meta.v1.ObjectMeta` };
export { REF as SCHEMA_REF };
