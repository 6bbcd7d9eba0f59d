import { MarkupKind, type Hover, type Position } from 'vscode-languageserver/node';
import type { MeshDocument } from '../analysis/document';
import { enforcementMarkdown } from '../analysis/enforcement/enforcement-text';
import { explainEnforcement } from '../analysis/enforcement/explain-enforcement';
import { fieldDoc, labelDoc } from '../analysis/fields/fields';
import type { Path } from '../analysis/path';
import { availabilityOf, enumOf, releaseOf, schemaAt } from '../analysis/schemas';
import { positionOf, type SourceRange } from '../analysis/source-text';
import type { SyntaxNode } from '../analysis/syntax';
import type { Graph } from '../graph/model';
import { trafficMarkdown } from './hover-traffic';
import { offsetAt, rangeOf } from './places';
import type { LanguageSession } from './session';

/**
 * What the field at a position means and takes, and what ztunnel and waypoints do with it.
 *
 * @param traffic asked where an object as a whole is looked at: the live traffic, undefined where no mesh runs
 */
export function hover(
  session: LanguageSession,
  file: string,
  position: Position,
  traffic: () => Graph | undefined,
): Hover | undefined {
  const source = session.file(file)?.source;
  const offset = source && offsetAt(source, position);
  const document = offset === undefined ? undefined : session.documentAt(file, offset);
  const place = document && placeAround(document.root, offset ?? 0, []);
  if (source === undefined || document === undefined || place === undefined) return undefined;
  const parts = [
    aboutField(session, document, place.path),
    ...aboutEffects(session, document, place.range),
    ...(place.path.length === 1 && place.path[0] === 'kind' ? aboutObject(session, document, traffic) : []),
  ].filter((part) => part !== undefined && part !== '');
  if (parts.length === 0) return undefined;
  return {
    contents: { kind: MarkupKind.Markdown, value: parts.join('\n\n---\n\n') },
    range: rangeOf(source, place.range),
  };
}

/** The key or scalar around an offset. */
function placeAround(node: SyntaxNode, offset: number, path: Path): { path: Path; range: SourceRange } | undefined {
  for (const [index, child] of node.children.entries()) {
    const own = [...path, node.type === 'seq' ? index : (child.name ?? '')];
    if (child.key && isInside(child.key, offset)) return { path: own, range: child.key };
    if (!isInside(child.range, offset)) continue;
    if (child.type === 'scalar') return { path: own, range: child.range };
    const inner = placeAround(child, offset, own);
    if (inner) return inner;
  }
  return undefined;
}

function aboutField(session: LanguageSession, document: MeshDocument, path: Path): string | undefined {
  const { group, version, kind } = document;
  const key = path.findLast((part) => typeof part === 'string') ?? '';
  const label = path.includes('labels') || path.includes('annotations') ? labelDoc(key) : undefined;
  if (label) return `**${key}**\n\n${label.doc}${values(label.values)}`;
  const isKind = path.length === 1 && path[0] === 'kind';
  const doc = fieldDoc(group, kind, isKind ? [] : path);
  const schema = schemaAt(group, version, kind, path, releaseOf(session.settings.analysis.istioVersion));
  if (doc === undefined && schema === undefined) return undefined;
  const type = isKind ? kind : `${key}${typeOf(schema)}`;
  const since = schema && !isKind ? sinceOf(document, path) : '';
  return [`**${type}**`, doc, `${values(enumOf(schema ?? {}))}${since}`.trim()].filter(Boolean).join('\n\n');
}

function typeOf(schema: ReturnType<typeof schemaAt>): string {
  if (schema === undefined) return '';
  if (schema['x-kubernetes-int-or-string']) return ': integer or string';
  if (schema.type === 'array') return `: list${schema.items?.type ? ` of ${schema.items.type}s` : ''}`;
  return schema.type ? `: ${schema.type}` : '';
}

function values(allowed: readonly unknown[] | undefined): string {
  return allowed === undefined || allowed.length === 0
    ? ''
    : `\n\nOne of ${allowed.map((one) => `\`${String(one)}\``).join(', ')}.`;
}

function sinceOf({ group, version, kind }: MeshDocument, path: Path): string {
  const { istio, experimental } = availabilityOf(group, version, kind, path);
  return [
    istio === undefined ? '' : ` Since Istio ${istio}.`,
    experimental ? ' In the experimental channel of the Gateway API only.' : '',
  ].join('');
}

/** What becomes of the part of a policy on the hovered line. */
function aboutEffects(session: LanguageSession, document: MeshDocument, range: SourceRange): string[] {
  const { line } = positionOf(document.source, range.start);
  const effects = explainEnforcement(document, session.mesh)?.effects ?? [];
  return effects
    .filter(({ place, effect }) => place.line === line && effect !== 'kept')
    .map(({ effect, text }) => `**${effect}**: ${text}`);
}

function aboutObject(
  session: LanguageSession,
  document: MeshDocument,
  traffic: () => Graph | undefined,
): (string | undefined)[] {
  const enforcement = explainEnforcement(document, session.mesh);
  const graph = traffic();
  return [enforcement && enforcementMarkdown(enforcement), graph && trafficMarkdown(document, session.mesh, graph)];
}

function isInside({ start, end }: SourceRange, offset: number): boolean {
  return start <= offset && offset <= end;
}
