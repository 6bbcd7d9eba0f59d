import {
  CompletionItemKind,
  InsertTextFormat,
  InsertTextMode,
  MarkupKind,
  type CompletionItem,
  type CompletionList,
  type Position,
} from 'vscode-languageserver/node';
import type { JsonSchema } from '../api/json-schema';
import type { Release } from '../api/crds';
import { fieldDoc } from '../analysis/fields/fields';
import { LABELS } from '../analysis/fields/labels';
import type { MeshDocument } from '../analysis/document';
import type { Path } from '../analysis/path';
import { releaseOf, schemaAt } from '../analysis/schemas';
import { workloadLabels } from './candidates';
import { apiVersionOf, knownKinds, skeletons } from './completion-kinds';
import { valuesAt } from './completion-values';
import { cursorAt, type Cursor } from './cursor';
import { offsetAt, rangeOf } from './places';
import type { LanguageSession } from './session';

const MANY = 300;

/** What may be typed at a position: keys of the kind, values of workspace and mesh, whole documents. */
export function completion(session: LanguageSession, file: string, position: Position): CompletionList {
  const parsed = session.file(file);
  const cursor = parsed && !parsed.templated ? cursorAt(parsed.source, offsetAt(parsed.source, position)) : undefined;
  if (parsed === undefined || cursor === undefined) return { isIncomplete: false, items: [] };
  const release = releaseOf(session.settings.analysis.istioVersion);
  const range = rangeOf(parsed.source, cursor.word);
  const items = itemsAt(session, release, cursor).map(({ insertText, ...item }) => ({
    ...item,
    insertTextMode: InsertTextMode.asIs,
    textEdit: { range, newText: insertText ?? item.label },
  }));
  return { isIncomplete: items.length > MANY, items: items.slice(0, MANY) };
}

function itemsAt(session: LanguageSession, release: Release, cursor: Cursor): CompletionItem[] {
  const { document, path, position, line, column, above } = cursor;
  const head = /^(apiVersion|kind):\s/.exec(line)?.[1];
  if (head !== undefined) return headValues(head, release, above);
  if (document === undefined) {
    const begun = /^\w/m.test(above);
    return position === 'key' && column === 0 ? [...topKeys(begun), ...(begun ? [] : skeletons(release))] : [];
  }
  const { group, version, kind } = document;
  const schema = schemaAt(group, version, kind, path, release);
  const isScalar = schema?.type !== undefined && schema.type !== 'object' && schema.type !== 'array';
  if (position === 'key' && !isScalar) return keysAt(session, document, path, schema, cursor);
  return distinct(
    valuesAt(session, document, path).map(({ text, detail, near }) => ({
      label: text,
      detail,
      kind: CompletionItemKind.Value,
      insertText: insideQuotes(cursor) ? text : quoted(text, schema),
      sortText: `${near ? 0 : 1}${text}`,
    })),
  );
}

function headValues(head: string, release: Release, above: string): CompletionItem[] {
  const wanted = /^apiVersion:\s*["']?([\w./]+)/m.exec(above)?.[1];
  return distinct(
    knownKinds(release)
      .map(({ group, version, kind }) => ({ apiVersion: apiVersionOf(group, version), kind }))
      .filter(({ apiVersion }) => head === 'apiVersion' || wanted === undefined || apiVersion === wanted)
      .map(({ apiVersion, kind }) => ({
        label: head === 'kind' ? kind : apiVersion,
        kind: CompletionItemKind.Class,
        ...(head === 'kind' ? { detail: apiVersion } : {}),
      })),
  );
}

/** Before a document has apiVersion and kind, nobody knows its other keys. */
function topKeys(begun: boolean): CompletionItem[] {
  return (begun ? ['apiVersion', 'kind', 'metadata', 'spec'] : []).map((key) => ({
    label: key,
    kind: CompletionItemKind.Field,
    insertText: `${key}: `,
    sortText: `1${key}`,
  }));
}

function keysAt(
  session: LanguageSession,
  document: MeshDocument,
  path: Path,
  schema: JsonSchema | undefined,
  cursor: Cursor,
): CompletionItem[] {
  const owner = path.at(-1);
  const present = new Set(Object.keys(valueAt(document, path)));
  const colon = cursor.needsColon ? ': ' : '';
  const plain = (label: string, detail: string, doc?: string): CompletionItem => ({
    label,
    detail,
    kind: CompletionItemKind.Property,
    insertText: `${label}${colon}`,
    sortText: `0${label}`,
    ...(doc === undefined ? {} : { documentation: markdown(doc) }),
  });
  const candidates =
    owner === 'labels' || owner === 'annotations'
      ? LABELS.filter(({ on, kinds }) => `${on}s` === owner && kinds.includes(ownerKind(document, path))).map(
          ({ key, doc }) => plain(key, owner, doc),
        )
      : owner === 'matchLabels'
        ? distinct(workloadLabels(session, document.namespace).map(({ text, detail }) => plain(text, detail)))
        : fieldItems(document, path, schema, cursor);
  return candidates.filter(({ label }) => !present.has(label));
}

function fieldItems(
  document: MeshDocument,
  path: Path,
  schema: JsonSchema | undefined,
  cursor: Cursor,
): CompletionItem[] {
  const required = new Set(schema?.required);
  return Object.entries(schema?.properties ?? {})
    .filter(([key]) => path.length > 0 || key !== 'status')
    .map(([key, child]) => {
      const doc = fieldDoc(document.group, document.kind, [...path, key]);
      return {
        label: key,
        detail: `${child.type ?? ''}${required.has(key) ? ', required' : ''}`,
        kind: CompletionItemKind.Field,
        insertTextFormat: InsertTextFormat.Snippet,
        insertText: cursor.needsColon ? `${key}:${continuation(child, cursor.column)}` : key,
        sortText: `${required.has(key) ? 0 : 1}${key}`,
        ...(doc === undefined ? {} : { documentation: markdown(doc) }),
      };
    });
}

/** What follows a key: a block, a list's first element, or the value on the same line. */
function continuation({ type, items, properties, additionalProperties }: JsonSchema, column: number): string {
  const below = `\n${' '.repeat(column)}`;
  if (type === 'array') return items?.type === 'object' || items?.type === 'string' ? `${below}- $0` : ' $0';
  if (type === 'object' && (properties ?? additionalProperties)) return `${below}  $0`;
  return ' $0';
}

/** The kind whose labels these are: of a pod template, the pod's. */
function ownerKind({ kind }: MeshDocument, path: Path): string {
  return path.includes('template') ? 'Pod' : kind;
}

function insideQuotes({ line, typed }: Cursor): boolean {
  return /["']$/.test(line.slice(0, line.length - typed.length));
}

/** Numbers where text is wanted, and texts that YAML would read otherwise, need quotes. */
function quoted(text: string, schema: JsonSchema | undefined): string {
  const numeric = /^[\d.]+$/.test(text) && (schema?.type === 'string' || schema === undefined);
  return numeric || (/^[*&!%@`]|: | #|^(true|false|null|yes|no)$/.test(text) && schema?.type === 'string')
    ? JSON.stringify(text)
    : text;
}

function valueAt(document: MeshDocument, path: Path): object {
  const value = path.reduce<unknown>(
    (inner, part) => (inner as Record<string | number, unknown> | undefined)?.[part],
    document.value,
  );
  return typeof value === 'object' && value !== null ? value : {};
}

function distinct(items: readonly CompletionItem[]): CompletionItem[] {
  return [...new Map(items.map((item) => [item.label, item])).values()];
}

function markdown(value: string): { kind: MarkupKind; value: string } {
  return { kind: MarkupKind.Markdown, value };
}
