import { SymbolKind, type DocumentSymbol, type WorkspaceSymbol } from 'vscode-languageserver/node';
import type { MeshDocument } from '../analysis/document';
import { find, rangeAt } from '../analysis/locate';
import type { SyntaxNode } from '../analysis/syntax';
import { locationOf, rangeOf } from './places';
import type { LanguageSession } from './session';

const MANY = 500;

/** The objects of a file, each with the parts of its spec. */
export function documentSymbols(session: LanguageSession, file: string): DocumentSymbol[] {
  return (session.file(file)?.documents ?? []).map((document) => ({
    name: document.name || document.kind,
    detail: detailOf(document),
    kind: kindOf(document),
    range: rangeOf(document.source, document.root.range),
    selectionRange: rangeOf(document.source, nameRange(document)),
    children: partsOf(document),
  }));
}

/** Objects of the workspace whose kind, namespace or name has the letters of a query in their order. */
export function workspaceSymbols(session: LanguageSession, query: string): WorkspaceSymbol[] {
  const letters = query.toLowerCase();
  return session.analysis.files
    .flatMap((file) => session.file(file)?.documents ?? [])
    .filter((document) => isInOrder(letters, `${detailOf(document)}/${document.name}`.toLowerCase()))
    .slice(0, MANY)
    .map((document) => ({
      name: document.name || document.kind,
      containerName: detailOf(document),
      kind: kindOf(document),
      location: locationOf(document.source, nameRange(document)),
    }));
}

function nameRange(document: MeshDocument): ReturnType<typeof rangeAt> {
  return find(document, ['metadata', 'name']).node?.range ?? rangeAt(document, ['kind']);
}

function detailOf({ kind, namespace }: MeshDocument): string {
  return namespace === '' ? kind : `${kind} ${namespace}`;
}

function kindOf({ kind }: MeshDocument): SymbolKind {
  if (kind === 'Namespace') return SymbolKind.Namespace;
  if (kind === 'Service' || kind === 'Gateway') return SymbolKind.Interface;
  return /Policy$|Authentication$/.test(kind) ? SymbolKind.Key : SymbolKind.Object;
}

function partsOf(document: MeshDocument): DocumentSymbol[] {
  const spec = find(document, ['spec']).node;
  if (spec?.type !== 'map') return [];
  return spec.children.flatMap((child) => {
    if (child.key === undefined || child.name === undefined) return [];
    const part = (name: string, range: { start: number; end: number }, own: SyntaxNode[] = []): DocumentSymbol => ({
      name,
      kind: SymbolKind.Property,
      range: rangeOf(document.source, range),
      selectionRange: rangeOf(document.source, { start: range.start, end: range.start }),
      children: own.map((item, index) => part(`${name}[${index}]`, item.range)),
    });
    const items = child.type === 'seq' ? child.children.filter(({ type }) => type === 'map') : [];
    return [part(child.name, { start: child.key.start, end: Math.max(child.range.end, child.key.end) }, items)];
  });
}

function isInOrder(letters: string, text: string): boolean {
  let at = -1;
  return [...letters].every((letter) => (at = text.indexOf(letter, at + 1)) >= 0);
}
