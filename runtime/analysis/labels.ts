/** Whether two sets of labels, or two absent ones, are the same. */
export function sameLabels(
  left: Readonly<Record<string, string>> | undefined,
  right: Readonly<Record<string, string>> | undefined,
): boolean {
  const canonical = (labels: Readonly<Record<string, string>> = {}) => JSON.stringify(Object.entries(labels).sort());
  return canonical(left) === canonical(right);
}

/** Labels as a selector is written: `app=reviews, version=v1`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}
