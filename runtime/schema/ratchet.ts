import { isObject, sameJson } from '../api/json';
import type { JsonSchema } from '../api/json-schema';
import { identityOf, propertyOf, type Resolve, type ValuePath } from './validate';

/**
 * Whether the value at a path is what it was, or what holds it, where nobody can tell which was this one: the API server lets what is wrong stay as long as it
 * does not change. Items of lists are compared with their former selves only where keys tell which those are.
 */
export function isUnchanged(
  path: ValuePath,
  object: unknown,
  before: unknown,
  given: JsonSchema,
  resolve: Resolve,
): boolean {
  if (before === undefined) return false;
  const [part, ...rest] = path;
  const schema = resolve(given);
  if (typeof part === 'number') {
    if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(object) || !Array.isArray(before))
      return sameJson(object, before);
    const id = JSON.stringify(identityOf(object[part], schema));
    const former = before.find((item) => JSON.stringify(identityOf(item, schema)) === id);
    return isUnchanged(rest, object[part], former, schema.items ?? {}, resolve);
  }
  if (part === undefined || !isObject(object) || !isObject(before)) return sameJson(object, before);
  return isUnchanged(rest, object[part], before[part], propertyOf(schema, part) ?? {}, resolve);
}
