/** A URL as Go's net/url takes it apart, which is what CEL at the API server sees. */
export interface GoUrl {
  readonly scheme: string;
  /** With the port. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

const HOST_CHARACTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\uffff]*$/;
const USER_CHARACTERS = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;

/**
 * Reads a request URI by the rules of Go's `url.ParseRequestURI`: an absolute path or a URL with a scheme. A fragment is
 * part of the path or query, as it is there.
 *
 * @returns undefined for what Go refuses
 */
export function parseRequestUri(text: string): GoUrl | undefined {
  // eslint-disable-next-line no-control-regex
  if (text === '' || /[\u0000-\u001f\u007f]/.test(text)) return undefined;
  if (text === '*') return { scheme: '', host: '', path: '*', query: '' };
  const split = schemeOf(text);
  if (split === undefined) return undefined;
  const { scheme } = split;
  const question = split.rest.indexOf('?');
  let rest = question < 0 ? split.rest : split.rest.slice(0, question);
  const query = question < 0 ? '' : split.rest.slice(question + 1);
  if (!rest.startsWith('/')) return scheme === '' ? undefined : { scheme, host: '', path: '', query };
  let host = '';
  if (scheme !== '' && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2);
    const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
    const read = hostOf(authority);
    if (read === undefined) return undefined;
    host = read;
    rest = slash < 0 ? '' : rest.slice(slash);
  }
  return escapesHold(rest) ? { scheme, host, path: rest, query } : undefined;
}

function schemeOf(text: string): { scheme: string; rest: string } | undefined {
  const colon = /^[A-Za-z][A-Za-z0-9+\-.]*:/.exec(text)?.[0];
  if (colon !== undefined) return { scheme: colon.slice(0, -1).toLowerCase(), rest: text.slice(colon.length) };
  return text.startsWith(':') ? undefined : { scheme: '', rest: text };
}

function hostOf(authority: string): string | undefined {
  const at = authority.lastIndexOf('@');
  const [user, host] = at < 0 ? ['', authority] : [authority.slice(0, at), authority.slice(at + 1)];
  if (!USER_CHARACTERS.test(user) || !escapesHold(user)) return undefined;
  if (host.startsWith('[')) {
    const port = /^\[[^\]]*\](.*)$/.exec(host)?.[1];
    return port !== undefined && /^(:\d*)?$/.test(port) ? host : undefined;
  }
  const colon = host.lastIndexOf(':');
  if (colon >= 0 && !/^\d*$/.test(host.slice(colon + 1))) return undefined;
  // In a host only bytes beyond ASCII may be escaped.
  return HOST_CHARACTERS.test(host) && !/%(?![89A-Fa-f][0-9A-Fa-f])/.test(host) ? host : undefined;
}

/** Whether each `%` begins two hex digits. */
function escapesHold(text: string): boolean {
  return !/%(?![0-9A-Fa-f]{2})/.test(text);
}
