import {
  CodeActionKind,
  TextDocumentEdit,
  type CodeAction,
  type CodeActionContext,
  type Range,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';
import { applyFixes } from '../analysis/apply-fixes';
import type { Diagnostic } from '../analysis/diagnostic';
import type { Fix } from '../analysis/edit';
import { safeFixes } from '../analysis/fix-all';
import { rewritesOf } from '../analysis/rewrites';
import { suppressionFixes } from '../analysis/suppression';
import { findingsOf, SOURCE } from './diagnostics';
import { editOf, offsetAt, rangeOfPlace, uriOf } from './places';
import type { LanguageSession } from './session';

/** *Fix all*, as editors run it on save. */
export const FIX_ALL = `${CodeActionKind.SourceFixAll}.ambient`;

/**
 * The fixes of the findings in a range, what silences each, other ways to write the object there, and all safe fixes of
 * the file at once.
 */
export function codeActions(
  session: LanguageSession,
  file: string,
  range: Range,
  { only, diagnostics }: CodeActionContext,
): CodeAction[] {
  const wants = (kind: string): boolean =>
    only === undefined || only.some((one) => kind === one || kind.startsWith(`${one}.`));
  const found = findingsOf(session, file).map(({ finding }) => finding);
  const here = found.filter((finding) => overlaps(rangeOfPlace(finding), range));
  const shown = (finding: Diagnostic) =>
    diagnostics.filter(({ source, code, message }) => {
      return source === SOURCE && code === finding.code && message === finding.message;
    });
  const quick = wants(CodeActionKind.QuickFix)
    ? here.flatMap((finding) =>
        [...fixesOf(session, finding), ...silencing(session, finding)].map((action) => ({
          ...action,
          diagnostics: shown(finding),
        })),
      )
    : [];
  const all = wants(FIX_ALL) && only !== undefined ? fixAllOf(session, file, found) : undefined;
  const rewrites = wants(CodeActionKind.RefactorRewrite) ? rewriting(session, file, range) : [];
  return [...quick, ...rewrites, ...(all ? [all] : [])];
}

function fixesOf(session: LanguageSession, { fixes }: Diagnostic): CodeAction[] {
  // What only a mesh has is in no file that one could edit.
  const possible = fixes.filter(({ edits }) => edits.every((edit) => session.file(edit.file) !== undefined));
  return possible.map((fix) => ({
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    isPreferred: possible.length === 1,
    edit: workspaceEdit(session, [fix]),
  }));
}

/** A comment above the finding that silences it, and an annotation of its object. */
function silencing(session: LanguageSession, finding: Diagnostic): CodeAction[] {
  const parsed = session.file(finding.file);
  return (parsed ? suppressionFixes(parsed, finding) : []).map((fix) => ({
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    edit: workspaceEdit(session, [fix]),
  }));
}

/** Other ways to write the object; one that would lose something is shown, and says what. */
function rewriting(session: LanguageSession, file: string, range: Range): CodeAction[] {
  const source = session.file(file)?.source;
  const document = source && session.documentAt(file, offsetAt(source, range.start));
  return (document ? rewritesOf(document, session.mesh) : []).map(({ title, fix, lost }) => ({
    title: fix?.title ?? title,
    kind: CodeActionKind.RefactorRewrite,
    ...(fix
      ? { edit: workspaceEdit(session, [fix]) }
      : { disabled: { reason: lost.map(({ text, place }) => `line ${place.line}: ${text}`).join('; ') } }),
  }));
}

/** What has one right answer and stays in this file. */
function fixAllOf(session: LanguageSession, file: string, found: readonly Diagnostic[]): CodeAction | undefined {
  const own = safeFixes(found)
    .map(({ fix }) => fix)
    .filter(({ edits }) => edits.every((edit) => edit.file === file));
  const { accepted } = applyFixes((name) => session.file(name)?.source.text, own);
  if (accepted.size === 0) return undefined;
  return { title: 'Fix all with one right answer', kind: FIX_ALL, edit: workspaceEdit(session, [...accepted]) };
}

function workspaceEdit(session: LanguageSession, fixes: readonly Fix[]): WorkspaceEdit {
  const edits = fixes.flatMap((fix) => fix.edits);
  const documentChanges = [...new Set(edits.map(({ file }) => file))].flatMap((file) => {
    const source = session.file(file)?.source;
    if (source === undefined) return [];
    const own = edits.filter((edit) => edit.file === file).map((edit) => editOf(source, edit));
    return [TextDocumentEdit.create({ uri: uriOf(file), version: session.versionOf(file) ?? null }, own)];
  });
  return { documentChanges };
}

function overlaps(a: Range, b: Range): boolean {
  return compare(a.start, b.end) <= 0 && compare(b.start, a.end) <= 0;
}

function compare(a: Range['start'], b: Range['start']): number {
  return a.line - b.line || a.character - b.character;
}
