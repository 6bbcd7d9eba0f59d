import type { ServedKind } from '../api/served-kind';
import { OBJECT_META, SCHEMA_REF, definition } from './builtin';
import type { JsonSchema } from '../../api/json-schema';

const custom = new WeakMap<object, JsonSchema>();

/** Compact name of a built-in kind's definition. */
export function definitionName({ group, version, kind }: Pick<ServedKind, 'group' | 'version' | 'kind'>): string {
  const first = group === '' ? 'core' : group.split('.')[0];
  return `${first}.${version}.${kind}`;
}

/** The schema of a kind's objects, with the fields that every object has. */
export function schemaOf(kind: ServedKind): JsonSchema {
  if (kind.custom === undefined) {
    const name = definitionName(kind);
    return definition(name) ? { $ref: SCHEMA_REF + name } : { 'x-kubernetes-preserve-unknown-fields': true };
  }
  const given = kind.custom.schema;
  let schema = custom.get(given);
  if (schema === undefined) {
    const properties = {
      ...given.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: OBJECT_META,
    };
    schema = { ...given, type: 'object', properties };
    custom.set(given, schema);
  }
  return schema;
}
