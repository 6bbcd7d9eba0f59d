import { USE_WAYPOINT, USE_WAYPOINT_NAMESPACE } from '../api/labels';
import { serviceNameOf } from '../analysis/hosts';
import type { MeshDocument } from '../analysis/document';
import { find } from '../analysis/locate';
import type { Path } from '../analysis/path';
import type { SourceRange } from '../analysis/source-text';

export const SERVICE = '/Service';
export const SERVICE_ACCOUNT = '/ServiceAccount';
export const NAMESPACE = '/Namespace';
export const GATEWAY = 'gateway.networking.k8s.io/Gateway';
export const ISTIO_GATEWAY = 'networking.istio.io/Gateway';
export const SERVICE_ENTRY = 'networking.istio.io/ServiceEntry';

/** What a place names: an object by kind (`group/Kind`), namespace and name; or a host, whose Service it may be. */
export interface Target {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The whole host, where the place has one. */
  readonly host?: string;
}

export interface Reference {
  readonly target: Target;
  readonly path: Path;
}

type Parent = Readonly<Record<string, unknown>>;
type Read = (text: string, place: Place) => Target | undefined;

interface Place {
  readonly document: MeshDocument;
  readonly path: Path;
  readonly parent: Parent;
}

const WAYPOINT_LABEL: Read = (text, { document, parent }) =>
  text === 'none' ? undefined : { kind: GATEWAY, namespace: labelNamespace(document, parent), name: text };

const object =
  (defaultKind: string): Read =>
  (text, { document, parent }) => ({
    kind: kindOf(parent, defaultKind),
    namespace: stringOf(parent['namespace']) ?? document.namespace,
    name: text,
  });

const host: Read = (text, { document }) => {
  const service = serviceNameOf(text, document.namespace);
  return { ...(service ?? { namespace: document.namespace, name: text }), kind: SERVICE, host: text };
};

const principal: Read = (text) => {
  const [, namespace, name] = /^[^/]*\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(text) ?? [];
  return namespace && name ? { kind: SERVICE_ACCOUNT, namespace, name } : undefined;
};

const inNamespace =
  (kind: string): Read =>
  (text, { document }) => {
    const [, namespace = document.namespace, name = text] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
    return name.includes('*') ? undefined : { kind, namespace, name };
  };

const namespace: Read = (text) => (text.includes('*') ? undefined : { kind: NAMESPACE, namespace: '', name: text });
const gateway: Read = (text, place) => (text === 'mesh' ? undefined : inNamespace(ISTIO_GATEWAY)(text, place));

/**
 * Which places name what: the last keys of their path (indices left out), and how to read the text there. The first that
 * fits counts.
 */
const PLACES: readonly (readonly [keys: readonly string[], read: Read])[] = [
  [['parentRefs', 'name'], object(GATEWAY)],
  [['targetRefs', 'name'], object(SERVICE)],
  [['targetRef', 'name'], object(SERVICE)],
  [['backendRefs', 'name'], object(SERVICE)],
  [['backendRef', 'name'], object(SERVICE)],
  [['subjects', 'name'], object(SERVICE_ACCOUNT)],
  [['destination', 'host'], host],
  [['mirror', 'host'], host],
  [['spec', 'host'], host],
  [['spec', 'hosts'], host],
  [['spec', 'gateways'], gateway],
  [['principals'], principal],
  [['notPrincipals'], principal],
  [['when', 'values'], principal],
  [['when', 'notValues'], principal],
  [['serviceAccounts'], inNamespace(SERVICE_ACCOUNT)],
  [['notServiceAccounts'], inNamespace(SERVICE_ACCOUNT)],
  [['serviceAccountName'], inNamespace(SERVICE_ACCOUNT)],
  [['serviceAccount'], inNamespace(SERVICE_ACCOUNT)],
  [['namespaces'], namespace],
  [['notNamespaces'], namespace],
  [['namespace'], namespace],
  [['labels', USE_WAYPOINT], WAYPOINT_LABEL],
  [['labels', USE_WAYPOINT_NAMESPACE], namespace],
];

const BY_LAST = new Map<string, (typeof PLACES)[number][]>();
for (const place of PLACES) {
  const last = place[0].at(-1) ?? '';
  BY_LAST.set(last, [...(BY_LAST.get(last) ?? []), place]);
}

/** The kind (`group/Kind`) that a place of a document names, whatever its text is; for completion. */
export function expectedAt(document: MeshDocument, path: Path, parent: Parent): string | undefined {
  const read = readerAt(path);
  if (read === undefined || !isMeant(document, path)) return undefined;
  if (read === principal) return SERVICE_ACCOUNT;
  return read('x', { document, path, parent })?.kind;
}

/** Whether a place holds hosts, principals or names; completion writes each in its form. */
export function formAt(path: Path): 'host' | 'principal' | 'name' | undefined {
  const read = readerAt(path);
  if (read === undefined) return undefined;
  return read === host ? 'host' : read === principal ? 'principal' : 'name';
}

/** Everything that a document names. */
export function referencesIn(document: MeshDocument): Reference[] {
  const found: Reference[] = [];
  const visit = (value: unknown, path: Path, parent: Parent): void => {
    if (typeof value === 'string') {
      const read = isMeant(document, path) ? readerAt(path) : undefined;
      const target = value === '' ? undefined : read?.(value, { document, path, parent });
      if (target) found.push({ target, path });
    } else if (Array.isArray(value)) value.forEach((item, index) => visit(item, [...path, index], parent));
    else if (typeof value === 'object' && value !== null)
      for (const [key, child] of Object.entries(value)) visit(child, [...path, key], value as Parent);
  };
  visit(document.value, [], {});
  return found;
}

/** The part of a place's text that is the name: of a principal its end, of a host its beginning. */
export function nameRange(document: MeshDocument, { path, target }: Reference): SourceRange | undefined {
  const { node, depth, shared } = find(document, path);
  if (node?.type !== 'scalar' || depth !== path.length || shared) return undefined;
  const text = document.source.text.slice(node.range.start, node.range.end);
  const at = target.host === undefined ? text.lastIndexOf(target.name) : text.indexOf(target.name);
  const start = node.range.start + at;
  return at < 0 ? undefined : { start, end: start + target.name.length };
}

function readerAt(path: Path): Read | undefined {
  const keys = path.filter((part) => typeof part === 'string');
  return BY_LAST.get(keys.at(-1) ?? '')?.find(([wanted]) =>
    wanted.every((key, index) => keys[keys.length - wanted.length + index] === key),
  )?.[1];
}

/** `hosts` means names of the mesh in routes only, and conditions hold principals under their key only. */
function isMeant(document: MeshDocument, path: Path): boolean {
  if (path[0] === 'spec' && path[1] === 'hosts') return document.kind === 'VirtualService';
  const at = path.indexOf('when');
  if (at < 0) return true;
  const conditions = path.slice(0, at + 2).reduce<unknown>((value, part) => (value as Parent)?.[part], document.value);
  return (conditions as Parent | undefined)?.['key'] === 'source.principal';
}

function kindOf(parent: Parent, defaultKind: string): string {
  const kind = stringOf(parent['kind']);
  if (kind === undefined) return defaultKind;
  const group = stringOf(parent['group']);
  const known = [SERVICE, SERVICE_ACCOUNT, GATEWAY, SERVICE_ENTRY].find((one) => one.endsWith(`/${kind}`));
  return group === undefined ? (known ?? `/${kind}`) : `${group === 'core' ? '' : group}/${kind}`;
}

function labelNamespace({ kind, name, namespace: own }: MeshDocument, labels: Parent): string {
  return stringOf(labels[USE_WAYPOINT_NAMESPACE]) ?? (kind === 'Namespace' ? name : own);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
