import { resolved } from '../schema/builtin';
import type { JsonSchema } from '../../api/json-schema';
import { copy, isObject, sameJson } from '../../api/json';
import { badRequest } from '../store/status-error';

type Bag = Record<string, unknown>;

const DELETE_FROM = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

function fieldSchema(schema: JsonSchema, name: string): JsonSchema {
  const rest = schema.additionalProperties;
  return schema.properties?.[name] ?? (isObject(rest) ? (rest as JsonSchema) : {});
}

const merges = (schema: JsonSchema): boolean => schema['x-kubernetes-patch-strategy']?.includes('merge') ?? false;

/**
 * Applies a strategic merge patch: maps are merged, lists with a merge key item by item; `$patch` (replace, delete,
 * merge), `$retainKeys`, `$deleteFromPrimitiveList/` and `$setElementOrder/` as kubectl sends them.
 */
export function applyStrategicMerge(target: unknown, patch: unknown, schema: JsonSchema): unknown {
  if (!isObject(patch)) throw badRequest('error decoding patch: a strategic merge patch is an object');
  return mergeMap(isObject(target) ? target : {}, patch, resolved(schema));
}

function mergeMap(target: Bag, patch: Bag, schema: JsonSchema): Bag {
  const directive = patch['$patch'];
  if (directive === 'replace') return cleaned(patch);
  if (directive === 'delete') return {};
  const result: Bag = { ...target };
  const retain = patch['$retainKeys'];
  if (Array.isArray(retain)) {
    for (const name of Object.keys(result)) if (!retain.includes(name)) delete result[name];
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name === '$patch' || name === '$retainKeys' || name.startsWith(ORDER)) continue;
    if (name.startsWith(DELETE_FROM)) {
      const field = name.slice(DELETE_FROM.length);
      const list = result[field];
      if (Array.isArray(list) && Array.isArray(value)) {
        result[field] = list.filter((item) => !value.some((gone) => sameJson(gone, item)));
      }
      continue;
    }
    if (value === null) {
      delete result[name];
      continue;
    }
    const given = fieldSchema(schema, name);
    const field = resolved(given);
    const own = result[name];
    if (isObject(value)) {
      const replaces = field['x-kubernetes-patch-strategy'] === 'replace';
      result[name] = mergeMap(isObject(own) && !replaces ? own : {}, value, field);
    } else if (Array.isArray(value) && merges(given)) {
      const order = patch[ORDER + name];
      result[name] = mergeList(Array.isArray(own) ? own : [], value, given, Array.isArray(order) ? order : undefined);
    } else result[name] = copy(value);
  }
  // An order may come without any change to the list itself.
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(ORDER) || !Array.isArray(order)) continue;
    const field = name.slice(ORDER.length);
    const list = result[field];
    if (Array.isArray(list) && patch[field] === undefined) {
      result[field] = ordered(list, order, fieldSchema(schema, field)['x-kubernetes-patch-merge-key']);
    }
  }
  return result;
}

function cleaned(value: Bag): Bag {
  return Object.fromEntries(
    Object.entries(copy(value)).filter(([name, item]) => !name.startsWith('$') && item !== null),
  );
}

function mergeList(own: unknown[], patch: unknown[], schema: JsonSchema, order: unknown[] | undefined): unknown[] {
  const key = schema['x-kubernetes-patch-merge-key'];
  if (key === undefined) {
    const result = [...own, ...patch.filter((item) => !own.some((known) => sameJson(known, item)))];
    return order ? ordered(result, order, key) : result;
  }
  const items = resolved(schema.items ?? {});
  const directives = patch.filter(isObject);
  if (directives.some((item) => item['$patch'] === 'replace')) {
    return directives.filter((item) => item['$patch'] !== 'replace').map(cleaned);
  }
  let result = [...own];
  for (const item of directives) {
    const id = item[key];
    const same = (other: unknown): boolean => isObject(other) && sameJson(other[key], id);
    if (item['$patch'] === 'delete') {
      result = result.filter((other) => !same(other));
      continue;
    }
    if (id === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const index = result.findIndex(same);
    const merged = mergeMap(index === -1 ? {} : (result[index] as Bag), item, items);
    if (index === -1) result.push(merged);
    else result[index] = merged;
  }
  return order ? ordered(result, order, key) : result;
}

/** Items that the order names, in its order; the others stay behind the item that they followed. */
function ordered(list: unknown[], order: unknown[], key: string | undefined): unknown[] {
  const idOf = (item: unknown): string => JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
  const rank = new Map(order.map((item, index) => [idOf(item), index] as const));
  let last = -1;
  const ranked = list.map((item, index) => {
    const own = rank.get(idOf(item));
    if (own !== undefined) last = own;
    return { item, index, rank: own ?? last + 0.5 };
  });
  return ranked.sort((a, b) => a.rank - b.rank || a.index - b.index).map(({ item }) => item);
}
