import { isObject } from '../../api/json';

/**
 * Values at a printer column's JSONPath: `.a.b`, `.a['b.c']`, `.a[0]`, `.a[*]`, `.a[?(@.type=="Ready")].status`.
 * What it cannot follow gives no value.
 */
export function valuesAt(object: unknown, path: string): unknown[] {
  const step =
    /\.?(?:\[\?\(\s*@\.([\w.]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|(\w+))\s*\)\]|\[\*\]|\[(-?\d+)\]|\['([^']+)'\]|((?:\\.|[^.[\]\\])+)|(\*))/gy;
  let values: unknown[] = [object];
  const text = path.replace(/^\{|\}$/g, '');
  for (let match = step.exec(text); match !== null; match = step.exec(text)) {
    const [whole, key, double, single, bare, index, quoted, name] = match;
    if (key !== undefined) {
      const wanted = double ?? single ?? bare ?? '';
      values = values
        .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : []))
        .filter((item) => String(key.split('.').reduce(member, item)) === wanted);
    } else if (whole.endsWith('*]') || whole.endsWith('*')) {
      values = values.flatMap((value) =>
        Array.isArray(value) ? (value as unknown[]) : isObject(value) ? Object.values(value) : [],
      );
    } else if (index !== undefined) {
      values = values.map((value) => (Array.isArray(value) ? (value as unknown[]).at(Number(index)) : undefined));
    } else {
      const field = quoted ?? name?.replace(/\\(.)/g, '$1') ?? '';
      values = values.map((value) => member(value, field));
    }
    values = values.filter((value) => value !== undefined && value !== null);
    if (step.lastIndex === text.length) break;
  }
  return values;
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}
