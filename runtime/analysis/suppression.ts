import type { MeshDocument, ParsedFile } from './document';
import { fix, insertPair, replaceScalar, type Fix, type TextEdit } from './edit';
import type { Place } from './place';
import { lineOf, positionOf, type SourceText } from './source-text';

/**
 * Annotations that silence codes on one object. Ours is ignored when empty; Kiali's then silences everything, as it does
 * there, and Istio's does so with `*`.
 */
const ANNOTATIONS = ['ambient.dev/ignore', 'kiali.io/ignore-validations', 'galley.istio.io/analyze-suppress'] as const;
const NEXT_LINE = /#\s*ambient-disable-next-line\b(.*)$/;

/** Whether the line above says `# ambient-disable-next-line AMBnnnn, …`; without codes it silences all. */
export function isDisabledByComment(source: SourceText, offset: number, names: readonly string[]): boolean {
  const { line } = positionOf(source, offset);
  const codes = NEXT_LINE.exec(lineOf(source, line - 1))?.[1];
  return codes !== undefined && (codes.trim() === '' || names.some((name) => listed(codes).has(name)));
}

/** Whether an annotation of the object names one of the codes: ours or an upstream alias. */
export function isIgnoredByAnnotation(document: MeshDocument, names: readonly string[]): boolean {
  const { annotations } = document.value.metadata;
  return ANNOTATIONS.some((annotation) => {
    const text = annotations?.[annotation];
    if (text === undefined) return false;
    if (text.trim() === '') return annotation === 'kiali.io/ignore-validations';
    const codes = listed(text);
    return codes.has('*') || names.some((name) => codes.has(name));
  });
}

/** Codes at the start of the text; words after them (a reason) do not count. */
function listed(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s,]+/).filter(Boolean));
}

/**
 * Ways to silence a finding: by a comment above its line, and by an annotation of its object. A comment or annotation
 * that silences something already takes the code in.
 */
export function suppressionFixes({ source, documents }: ParsedFile, finding: Place & { readonly code: string }): Fix[] {
  const { code, line } = finding;
  const start = source.lineStarts[line - 1] ?? 0;
  const document = documents.find(({ root: { range } }) => range.start < start + finding.column && start <= range.end);
  return [
    fix(`Silence ${code} here`, false, commentAbove(source, code, line)),
    document && code >= 'AMB1004'
      ? fix(`Silence ${code} for this object`, false, annotation(document, code))
      : undefined,
  ].filter((one) => one !== undefined);
}

function commentAbove(source: SourceText, code: string, line: number): TextEdit | undefined {
  // Braces at the beginning: JSON, which has no comments.
  if (/^\s*\{/.test(source.text)) return undefined;
  const { file, newline } = source;
  const above = NEXT_LINE.exec(lineOf(source, line - 1));
  if (above !== null) {
    const at = (source.lineStarts[line - 2] ?? 0) + above.index + above[0].length - (above[1]?.length ?? 0);
    return { file, start: at, end: at, newText: above[1]?.trim() ? ` ${code},` : ` ${code}` };
  }
  const at = source.lineStarts[line - 1] ?? source.text.length;
  const indent = /^[ \t]*/.exec(lineOf(source, line))?.[0] ?? '';
  return { file, start: at, end: at, newText: `${indent}# ambient-disable-next-line ${code}${newline}` };
}

function annotation(document: MeshDocument, code: string): TextEdit | undefined {
  const path = ['metadata', 'annotations', ANNOTATIONS[0]];
  const written = document.value.metadata.annotations?.[ANNOTATIONS[0]];
  return written === undefined
    ? insertPair(document, path, code)
    : replaceScalar(document, path, written.trim() === '' ? code : `${written},${code}`);
}
