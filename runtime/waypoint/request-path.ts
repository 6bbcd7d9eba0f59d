const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** A request target as policies and routes see it, and as it is sent on. */
export interface RequestPath {
  readonly path: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
}

/**
 * Normalises a request target as Istio does by default (pathNormalization BASE: Envoy's normalize_path, RFC 3986
 * section 6): unreserved escapes decoded, other escapes in capitals, `\` read as `/`, dot segments removed; slashes are
 * not merged. What the policy judged is what the upstream gets.
 *
 * @returns undefined for a target that must be answered with 400: no path, a fragment, a NUL or a broken escape
 */
export function normalizePath(target: string): RequestPath | undefined {
  if (target === '*') return { path: '*', query: '' };
  const origin = /^https?:\/\/[^/?#]*/i.exec(target);
  const rest = origin === null ? target : target.slice(origin[0].length) || '/';
  if (rest.includes('#')) return undefined;
  const mark = rest.indexOf('?');
  const raw = mark < 0 ? rest : rest.slice(0, mark);
  if (!raw.startsWith('/') && !raw.startsWith('\\')) return undefined;
  let broken = false;
  const decoded = raw.replaceAll('\\', '/').replace(/%(.{0,2})/gs, (escape, digits: string) => {
    if (!/^[0-9a-fA-F]{2}$/.test(digits) || digits === '00') {
      broken = true;
      return escape;
    }
    const character = String.fromCharCode(parseInt(digits, 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
  if (broken || decoded.includes('\0')) return undefined;
  return { path: withoutDots(decoded), query: mark < 0 ? '' : rest.slice(mark + 1) };
}

/** RFC 3986, section 5.2.4. */
function withoutDots(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (last) kept.push('');
  });
  return `/${kept.join('/')}`;
}

/** The origin form that is sent on. */
export function formatPath({ path, query }: RequestPath): string {
  return query === '' ? path : `${path}?${query}`;
}
