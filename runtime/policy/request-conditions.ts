import type { AuthorizationOperation, AuthorizationRule, AuthorizationSource } from '../api/resources';
import { contains, parseCidr } from './address';
import type { Known } from './decide';
import { compilePathTemplate, isPathTemplate } from './path-template';
import { matchesString, parseStringMatch } from './string-match';

/** What conditions are tested against: an HTTP request, or a plain connection when `http` is absent. */
export interface KnownRequest extends Known {
  readonly http?: {
    readonly method: string;
    readonly path: string;
    /** Lower case. */
    readonly host: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly sni?: string;
}

export type Test = (request: KnownRequest) => boolean;

/** One attribute of a rule, e.g. `methods: [GET, HEAD]`. */
export interface Condition {
  /** API name: `methods`, `notPaths`, `request.headers[x]`. */
  readonly attribute: string;
  /** Says nothing about plain TCP. */
  readonly http: boolean;
  readonly test: Test;
}

/** How one value of an attribute is tested; a string says why the value cannot be used. */
type TestOf = (text: string, namespace: string) => Test | string;
interface Attribute {
  readonly http: boolean;
  readonly testOf: TestOf;
}

const never: Test = () => false;
const l4 = (testOf: TestOf): Attribute => ({ http: false, testOf });
const http = (testOf: TestOf): Attribute => ({ http: true, testOf });

/** Compares a text of the request with one of Istio's string forms; a missing text never matches. */
const textOf =
  (pick: (request: KnownRequest) => string | undefined): TestOf =>
  (text) => {
    const match = parseStringMatch(text);
    return (request) => {
      const found = pick(request);
      return found !== undefined && matchesString(match, found);
    };
  };

const blockOf =
  (pick: (request: KnownRequest) => Uint8Array | undefined): TestOf =>
  (text) => {
    const block = parseCidr(text);
    if (block === undefined) return `${JSON.stringify(text)} is not an IP address or CIDR block`;
    return (request) => {
      const address = pick(request);
      return address !== undefined && contains(block, address);
    };
  };

const sourceIp = l4(blockOf(({ sourceIp }) => sourceIp));
const principal = l4(textOf(({ identity }) => identity?.principal));
const namespace = l4(textOf(({ identity }) => identity?.namespace));
const serviceAccount = l4((text, policyNamespace) => {
  const slash = text.indexOf('/');
  const [ns, name] = slash < 0 ? [policyNamespace, text] : [text.slice(0, slash), text.slice(slash + 1)];
  return ({ identity }) => identity?.namespace === ns && identity.serviceAccount === name;
});
const port = l4((text) => {
  const wanted = Number(text);
  if (!/^\d+$/.test(text) || wanted > 65535) return `${JSON.stringify(text)} is not a port number`;
  return ({ destinationPort }) => destinationPort === wanted;
});
const method = http(textOf(({ http }) => http?.method));
/** Compared with the Host header as it was sent, its port included, as Envoy does. */
const host = http((text) => textOf(({ http }) => http?.host)(text.toLowerCase(), ''));
const path = http((text) => {
  if (!isPathTemplate(text)) return textOf(({ http }) => http?.path)(text, '');
  const matches = compilePathTemplate(text);
  return matches === undefined
    ? `${JSON.stringify(text)} is not a URI template`
    : ({ http }) => http !== undefined && matches(http.path);
});
/** Without RequestAuthentication no request has a principal or claims. */
const jwt = http(() => never);

const header = (name: string): Attribute =>
  http((text) => {
    const match = parseStringMatch(text);
    // Presence of a header, unlike that of other texts, holds for an empty value too.
    if ('presence' in match) return ({ http }) => headerOf(http, name) !== undefined;
    return textOf(({ http }) => headerOf(http, name))(text, '');
  });

/** A header by its lower-case name; HTTP/2's pseudo-headers are headers here, as they are to Envoy. */
function headerOf(request: KnownRequest['http'], name: string): string | undefined {
  if (request === undefined) return undefined;
  if (name === ':method') return request.method;
  if (name === ':authority' || name === 'host') return request.host;
  // The record may be an ordinary object: a header called `constructor` must not find the object's own.
  return Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
}

const SOURCE: Readonly<Record<string, Attribute>> = {
  principals: principal,
  requestPrincipals: jwt,
  namespaces: namespace,
  serviceAccounts: serviceAccount,
  ipBlocks: sourceIp,
  remoteIpBlocks: sourceIp,
};
const OPERATION: Readonly<Record<string, Attribute>> = { hosts: host, ports: port, methods: method, paths: path };
const WHEN: Readonly<Record<string, Attribute>> = {
  'source.ip': sourceIp,
  'remote.ip': sourceIp,
  'source.namespace': namespace,
  'source.principal': principal,
  'source.serviceAccount': serviceAccount,
  'destination.ip': l4(blockOf(({ destinationIp }) => destinationIp)),
  'destination.port': port,
  'connection.sni': l4(textOf(({ sni }) => sni)),
};

/** Collects what could not be honoured while a rule is read. */
export interface Reading {
  readonly namespace: string;
  /** A value has no meaning: an ALLOW rule is dropped for it, a DENY goes on without it. */
  invalid(path: string, message: string): void;
  /** Understood, but this mesh never matches it. */
  unsupported(path: string, message: string): void;
}

export function sourceConditions(source: AuthorizationSource, at: string, reading: Reading): Condition[] {
  return named(SOURCE, source as Readonly<Record<string, string[] | undefined>>, at, reading);
}

export function operationConditions(operation: AuthorizationOperation, at: string, reading: Reading): Condition[] {
  return named(OPERATION, operation as Readonly<Record<string, string[] | undefined>>, at, reading);
}

export function whenConditions(
  when: NonNullable<AuthorizationRule['when']>[number],
  at: string,
  reading: Reading,
): Condition[] {
  const attribute = attributeOf(when.key);
  if (attribute === undefined) {
    reading.invalid(`${at}.key`, `the condition ${when.key} is not supported`);
    return [];
  }
  if (attribute === jwt) noJwt(`${at}.key`, when.key, reading);
  return [
    ...conditionOf(when.key, attribute, when.values, false, `${at}.values`, reading),
    ...conditionOf(when.key, attribute, when.notValues, true, `${at}.notValues`, reading),
  ];
}

function attributeOf(key: string): Attribute | undefined {
  if (Object.hasOwn(WHEN, key)) return WHEN[key];
  if (key.startsWith('request.auth.')) return jwt;
  const name = /^request\.headers\[([^\]]+)\]$/.exec(key)?.[1];
  return name === undefined ? undefined : header(name.toLowerCase());
}

function named(
  attributes: Readonly<Record<string, Attribute>>,
  written: Readonly<Record<string, string[] | undefined>>,
  at: string,
  reading: Reading,
): Condition[] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    const negative = `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    if (attribute === jwt)
      for (const field of [name, negative]) if (written[field]?.length) noJwt(`${at}.${field}`, field, reading);
    return [
      ...conditionOf(name, attribute, written[name], false, `${at}.${name}`, reading),
      ...conditionOf(negative, attribute, written[negative], true, `${at}.${negative}`, reading),
    ];
  });
}

function noJwt(path: string, attribute: string, reading: Reading): void {
  reading.unsupported(path, `${attribute} needs RequestAuthentication, which this waypoint does not evaluate yet`);
}

function conditionOf(
  attribute: string,
  { http, testOf }: Attribute,
  values: readonly string[] | undefined,
  negated: boolean,
  at: string,
  reading: Reading,
): Condition[] {
  const tests: Test[] = [];
  for (const [index, value] of (values ?? []).entries()) {
    const test = testOf(String(value), reading.namespace);
    if (typeof test === 'string') reading.invalid(`${at}[${index}]`, test);
    else tests.push(test);
  }
  if (tests.length === 0) return [];
  const any: Test = (request) => tests.some((test) => test(request));
  return [{ attribute, http, test: negated ? (request) => !any(request) : any }];
}
