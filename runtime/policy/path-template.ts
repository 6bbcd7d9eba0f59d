/** Characters of a path segment that a template operator matches (RFC 3986 pchar). */
const SEGMENT = "[A-Za-z0-9\\-._~%!$&'()*+,;:@=]";

/** Whether a path of a policy is a URI template: it holds `{*}` or `{**}`. */
export function isPathTemplate(path: string): boolean {
  return path.includes('{*}') || path.includes('{**}');
}

/**
 * Compiles a URI template: `{*}` is one path segment, `{**}` any number of them, also none, and stands last, as
 * upstream demands. The result runs in linear time: no operator is followed by text that it could also match.
 *
 * @returns undefined for a template that upstream refuses: other braces, operators beside text, text after `{**}`
 */
export function compilePathTemplate(template: string): ((path: string) => boolean) | undefined {
  if (!template.startsWith('/')) return undefined;
  const segments = template.slice(1).split('/');
  let source = '';
  for (const [index, segment] of segments.entries()) {
    if (segment === '{*}') source += `/${SEGMENT}+`;
    else if (segment === '{**}') {
      if (index !== segments.length - 1) return undefined;
      source += `/(?:${SEGMENT}|/)*`;
    } else if (/[{}*]/.test(segment)) return undefined;
    else source += `/${segment.replace(/[\\^$.|?+()[\]]/g, '\\$&')}`;
  }
  const pattern = new RegExp(`^${source}$`);
  return (path) => pattern.test(path);
}
