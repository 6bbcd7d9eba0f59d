import { Lexer } from 'yaml';
import type { Service } from '../api/resources';
import { httpRouteOfVirtualService, type HostTarget } from '../routing/http-route-of-virtual-service';
import type { VirtualServiceSpec } from '../routing/virtual-service';
import type { MeshDocument } from './document';
import { replaceDocument, type Fix } from './edit';
import { objectOfHost } from './hosts';
import { VIRTUAL_SERVICE, type ServiceEntry } from './istio-objects';
import { placeAt, type Place } from './place';
import type { Mesh } from './workspace';

/** Another way to write an object, which a person asks for; nothing is wrong with the way it is. */
export interface Rewrite {
  readonly title: string;
  readonly fix?: Fix;
  /** Why there is no fix: parts that cannot be said in the other way. */
  readonly lost: readonly { readonly text: string; readonly place: Place }[];
}

/** The ways to write a document otherwise: a VirtualService as an HTTPRoute. */
export function rewritesOf(document: MeshDocument, mesh: Mesh): Rewrite[] {
  if (`${document.group}/${document.kind}` !== VIRTUAL_SERVICE) return [];
  const { spec } = document.value as { spec?: VirtualServiceSpec };
  const resolve = (host: string): HostTarget | undefined => targetOf(objectOfHost(host, document.namespace, mesh));
  const { spec: route, lost, notes } = httpRouteOfVirtualService(spec ?? {}, document.namespace, resolve);
  const title = 'Write it as an HTTPRoute';
  if (lost.length > 0) {
    return [{ title, lost: lost.map(({ path, why }) => ({ text: why, place: placeAt(document, path) })) }];
  }
  const { name, namespace, labels, annotations } = document.value.metadata;
  const written = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: {
      name,
      ...(namespaceIsWritten(document) && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    spec: route,
  };
  const edit = replaceDocument(document, written, commentsIn(document));
  if (edit === undefined) return [];
  return [{ title, fix: { title: [title, ...notes].join('; '), safe: false, edits: [edit] }, lost: [] }];
}

function targetOf(document: MeshDocument | undefined): HostTarget | undefined {
  if (document === undefined) return undefined;
  const { kind, namespace, name, value } = document;
  if (kind === 'Service')
    return { kind, namespace, name, ports: ((value as Service).spec?.ports ?? []).map(({ port }) => port) };
  return {
    kind: 'ServiceEntry',
    namespace,
    name,
    ports: ((value as ServiceEntry).spec?.ports ?? []).map((one) => one.number),
  };
}

function namespaceIsWritten({ source, root }: MeshDocument): boolean {
  return /^\s+namespace:/m.test(source.text.slice(root.range.start, root.range.end));
}

/** The comments inside an object, which the other way of writing keeps above itself. */
function commentsIn({ source, root }: MeshDocument): string[] {
  const { start, end } = root.range;
  return [...new Lexer().lex(source.text.slice(start, end))].filter((lexeme) => lexeme.startsWith('#'));
}
