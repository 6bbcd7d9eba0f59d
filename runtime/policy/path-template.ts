/** Characters of a path segment that a template operator matches (RFC 3986 pchar). */
const SEGMENT = "[A-Za-z0-9\\-._~%!$&'()*+,;:@=]";

/** Whether a path of a policy is a URI template: it holds `{*}` or `{**}`. */
export function isPathTemplate(path: string): boolean {
  return path.includes('{*}') || path.includes('{**}');
}

/**
 * Compiles a URI template: `{*}` is one path segment, `{**}` any number of them, also none. `{**}` has to be the last
 * operator, as upstream demands; text may follow it. So at most one operator crosses slashes, and a match takes time in
 * step with the path.
 *
 * @returns undefined for a template that upstream refuses: other braces, operators beside text, operators after `{**}`
 */
export function compilePathTemplate(template: string): ((path: string) => boolean) | undefined {
  if (!template.startsWith('/')) return undefined;
  let source = '';
  let closed = false;
  for (const segment of template.slice(1).split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (closed) return undefined;
      closed = segment === '{**}';
      source += closed ? `/(?:${SEGMENT}|/)*` : `/${SEGMENT}+`;
    } else if (/[{}*]/.test(segment)) return undefined;
    else source += `/${segment.replace(/[\\^$.|?+()[\]]/g, '\\$&')}`;
  }
  const pattern = new RegExp(`^${source}$`);
  return (path) => pattern.test(path);
}
