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
import { lineOf } from '../analysis/source-text';
import { findingsOf, SOURCE } from './diagnostics';
import { editOf, rangeOfPlace, uriOf } from './places';
import type { LanguageSession } from './session';

/** *Fix all*, as editors run it on save. */
export const FIX_ALL = `${CodeActionKind.SourceFixAll}.ambient`;

/** The fixes of the findings in a range, a comment that silences each, and all safe fixes of the file at once. */
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
        [...fixesOf(session, finding), silencing(session, finding)].map((action) => ({
          ...action,
          diagnostics: shown(finding),
        })),
      )
    : [];
  const all = wants(FIX_ALL) && only !== undefined ? fixAllOf(session, file, found) : undefined;
  return [...quick, ...(all ? [all] : [])];
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

/** `# ambient-disable-next-line AMBnnnn` above the finding, in its indentation. */
function silencing(session: LanguageSession, { code, file, line }: Diagnostic): CodeAction {
  const source = session.file(file)?.source;
  const indent = source === undefined ? '' : (/^\s*/.exec(lineOf(source, line))?.[0] ?? '');
  const start = { line: line - 1, character: 0 };
  return {
    title: `Silence ${code} here`,
    kind: CodeActionKind.QuickFix,
    edit: {
      changes: {
        [uriOf(file)]: [
          {
            range: { start, end: start },
            newText: `${indent}# ambient-disable-next-line ${code}${source?.newline ?? '\n'}`,
          },
        ],
      },
    },
  };
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
