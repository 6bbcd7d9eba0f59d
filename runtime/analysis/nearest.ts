/** Names that may be meant by a slip of one, nearest first: at most a third of its letters, and three, are others. */
export function nearest(slip: string, names: Iterable<string>): string[] {
  const most = Math.min(3, Math.floor(slip.length / 3) + 1);
  return [...new Set(names)]
    .filter((name) => name !== slip && Math.abs(name.length - slip.length) <= most)
    .map((name) => ({ name, distance: distance(slip, name) }))
    .filter((one) => one.distance <= most)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name)
    .slice(0, 3);
}

/** How many letters have to be put in, taken out or replaced; two that changed places count once. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}
