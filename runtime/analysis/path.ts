/** The way from a document's root to a value: keys and indices. */
export type Path = readonly (string | number)[];

/** A path as people write it: `spec.rules[0].to`. */
export function fieldName(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** Reads the compiler's form of a path, `spec.rules[0].to[1].operation`; keys there contain no dot. */
export function parsePath(text: string): Path {
  return [...text.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, key, index]) => key ?? Number(index));
}
