import { USE_WAYPOINT, USE_WAYPOINT_NAMESPACE } from '../api/labels';
import type { MeshDocument } from '../analysis/document';
import { labelDoc } from '../analysis/fields/fields';
import type { Path } from '../analysis/path';
import { enumOf, releaseOf, schemaAt } from '../analysis/schemas';
import {
  claims,
  fromRoutes,
  hosts,
  names,
  podPorts,
  principals,
  servicePorts,
  waypoints,
  workloadLabels,
  type Candidate,
} from './candidates';
import { expectedAt, formAt, GATEWAY, NAMESPACE, SERVICE, SERVICE_ENTRY } from './references';
import { serviceNameOf } from '../analysis/hosts';
import type { LanguageSession } from './session';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'];
/** Protocol reference 7.1: those before the empty line are ztunnel's too, the others need a waypoint. */
const CONDITIONS: readonly (readonly [string, string])[] = [
  ['source.ip', 'L4: ztunnel compares it'],
  ['source.namespace', 'L4: ztunnel compares it'],
  ['source.principal', 'L4: ztunnel compares it'],
  ['destination.ip', 'L4: ztunnel compares it'],
  ['destination.port', 'L4: ztunnel compares it'],
  ['remote.ip', 'L7: needs a waypoint'],
  ['request.auth.principal', 'L7: needs a waypoint'],
  ['request.auth.audiences', 'L7: needs a waypoint'],
  ['request.auth.presenter', 'L7: needs a waypoint'],
  ['connection.sni', 'L7: needs a waypoint'],
];

type Object = Readonly<Record<string, unknown>>;

/** The values that may stand at a path of a document: the schema's, and those that workspace and mesh have. */
export function valuesAt(session: LanguageSession, document: MeshDocument, path: Path): Candidate[] {
  const { group, version, kind } = document;
  const schema = schemaAt(group, version, kind, path, releaseOf(session.settings.analysis.istioVersion));
  const fixed = enumOf(schema ?? {}).map((value) => ({ text: String(value), detail: kind, near: true }));
  return [...fixed, ...labelValues(session, document, path), ...ownValues(session, document, path)];
}

function labelValues(session: LanguageSession, document: MeshDocument, path: Path): Candidate[] {
  const [owner, key] = [path.at(-2), String(path.at(-1))];
  if (owner === 'matchLabels') return workloadLabels(session, document.namespace, key);
  if (owner !== 'labels' && owner !== 'annotations') return [];
  if (key === USE_WAYPOINT) {
    const labels = objectAt(document, path.slice(0, -1));
    const own = document.kind === 'Namespace' ? document.name : document.namespace;
    const namespace = labels[USE_WAYPOINT_NAMESPACE];
    return waypoints(session.mesh.ofKind(GATEWAY), typeof namespace === 'string' ? namespace : own);
  }
  return (labelDoc(key)?.values ?? []).map((text) => ({ text, detail: key, near: true }));
}

function ownValues(session: LanguageSession, document: MeshDocument, path: Path): Candidate[] {
  const keys = path.filter((part) => typeof part === 'string');
  const key = keys.at(-1) ?? '';
  const parent = objectAt(document, path.slice(0, typeof path.at(-1) === 'number' ? -2 : -1));
  const namespace = stringOf(parent['namespace']) ?? document.namespace;
  const policy = document.group === 'security.istio.io';
  if (policy && /^(not)?methods$/i.test(key)) return METHODS.map((text) => ({ text, detail: 'HTTP method' }));
  if (policy && /^(not)?paths$/i.test(key)) return fromRoutes(session, 'paths');
  if (policy && /^(not)?ports$/i.test(key)) return podPorts(session, document);
  if (policy && key === 'key' && keys.includes('when')) return conditions(session);
  if (policy && /^(not)?requestPrincipals$/i.test(key)) return issuers(session);
  if (key === 'name' && keys.at(-2) === 'headers') return fromRoutes(session, 'headers');
  if (key === 'gatewayClassName') return gatewayClasses(session);
  if (key === 'kind' && /^(targetRefs?|parentRefs|backendRefs?)$/.test(keys.at(-2) ?? ''))
    return ['Service', 'Gateway', 'ServiceEntry'].map((text) => ({ text, detail: 'kind' }));
  if (key === 'port' && (keys.includes('backendRefs') || keys.includes('parentRefs')))
    return servicePorts(session, namespace, stringOf(parent['name']));
  if (key === 'number' && keys.at(-2) === 'port') {
    const host = stringOf(objectAt(document, path.slice(0, -2))['host']) ?? '';
    const service = serviceNameOf(host, document.namespace);
    return servicePorts(session, service?.namespace ?? document.namespace, service?.name);
  }
  return named(session, document, path, parent);
}

/** Names of whatever the place refers to. */
function named(session: LanguageSession, document: MeshDocument, path: Path, parent: Object): Candidate[] {
  const kind = expectedAt(document, path, parent);
  if (kind === undefined) return [];
  if (formAt(path) === 'host') return hosts(session, document.namespace);
  if (formAt(path) === 'principal') return principals(session, document.namespace);
  const namespace = stringOf(parent['namespace']) ?? document.namespace;
  const objects = session.mesh.ofKind(kind);
  if (kind === NAMESPACE) return namespaces(session);
  if (kind === SERVICE || kind === SERVICE_ENTRY || kind === GATEWAY || document.group !== 'security.istio.io')
    return names(objects, namespace, false);
  // `serviceAccounts` of a policy may be of another namespace, with its name before a slash.
  return objects.map((object) => ({
    text: object.namespace === namespace ? object.name : `${object.namespace}/${object.name}`,
    detail: `${object.kind} of ${object.namespace}`,
    near: object.namespace === namespace,
  }));
}

/** Namespaces that have a document of their own, and those that others are in. */
function namespaces(session: LanguageSession): Candidate[] {
  const own = session.mesh.ofKind(NAMESPACE).map(({ name }) => name);
  const used = [SERVICE, GATEWAY].flatMap((kind) => session.mesh.ofKind(kind).map(({ namespace }) => namespace));
  return [...new Set([...own, ...used])].map((text) => ({ text, detail: 'Namespace' }));
}

function gatewayClasses(session: LanguageSession): Candidate[] {
  const own = session.mesh.ofKind('gateway.networking.k8s.io/GatewayClass').map(({ name }) => name);
  return [...new Set(['istio-waypoint', 'istio', ...own])].map((text) => ({ text, detail: 'GatewayClass' }));
}

function conditions(session: LanguageSession): Candidate[] {
  const headers = fromRoutes(session, 'headers').map(({ text }) => text);
  return [
    ...CONDITIONS.map(([text, detail]) => ({ text, detail, near: detail.startsWith('L4') })),
    ...[...new Set(headers)].map((name) => ({ text: `request.headers[${name}]`, detail: 'L7: needs a waypoint' })),
    ...claims(session).map((claim) => ({ text: `request.auth.claims[${claim}]`, detail: 'L7: needs a waypoint' })),
  ];
}

function issuers(session: LanguageSession): Candidate[] {
  return session.mesh.ofKind('security.istio.io/RequestAuthentication').flatMap(({ value, name }) => {
    const rules = (value as { spec?: { jwtRules?: { issuer?: string }[] } }).spec?.jwtRules ?? [];
    return rules.flatMap(({ issuer }) =>
      issuer === undefined ? [] : [{ text: `${issuer}/*`, detail: `RequestAuthentication ${name}` }],
    );
  });
}

function objectAt(document: MeshDocument, path: Path): Object {
  const value = path.reduce<unknown>((inner, part) => (inner as Object | undefined)?.[part], document.value);
  return typeof value === 'object' && value !== null ? (value as Object) : {};
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
