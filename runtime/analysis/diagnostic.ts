import { CATALOGUE } from './catalogue';
import type { MeshDocument } from './document';
import type { Fix } from './edit';
import { isLiveFile } from './live-file';
import { isLive } from './live-mesh';
import { keyRangeAt, rangeAt } from './locate';
import type { Path } from './path';
import type { ReportOptions, Severity } from './rule';
import { placeOf, type Place } from './place';
import type { SourceRange, SourceText } from './source-text';
import { isDisabledByComment, isIgnoredByAnnotation } from './suppression';

/** One finding. */
export interface Diagnostic extends Place {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** Codes of Kiali and istioctl that speak of the same thing. */
  readonly aliases: readonly string[];
  readonly fixes: readonly Fix[];
  /** Other places that prove it. */
  readonly related: readonly (Place & { readonly message: string })[];
}

export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly severity?: Severity;
  readonly options?: ReportOptions;
}

/** The diagnostic of a finding at a path of a document, unless an annotation or a comment silences it. */
export function diagnosticAt(document: MeshDocument, path: Path, finding: Finding): Diagnostic | undefined {
  if (isIgnoredByAnnotation(document, namesOf(finding.code))) return undefined;
  const range = finding.options?.atKey ? keyRangeAt(document, path) : rangeAt(document, path);
  return diagnosticIn(document.source, range, finding);
}

/** The diagnostic of a finding in a text, unless a comment silences it. */
export function diagnosticIn(source: SourceText, range: SourceRange, finding: Finding): Diagnostic | undefined {
  const { code, message, options } = finding;
  if (isDisabledByComment(source, range.start, namesOf(code))) return undefined;
  const entry = CATALOGUE.get(code);
  return {
    code,
    severity: finding.severity ?? entry?.severity ?? 'error',
    message,
    ...placeOf(source, range),
    aliases: entry?.aliases ?? [],
    // What only a mesh has stands in no file: nobody can edit it there, or look at it.
    fixes: (options?.fixes ?? [])
      .filter((fix) => fix !== undefined)
      .filter(({ edits }) => !edits.some(({ file }) => isLiveFile(file))),
    related: (options?.related ?? [])
      .filter(({ document }) => !isLive(document))
      .map(({ document, path, message: what }) => ({
        message: what,
        ...placeOf(document.source, rangeAt(document, path)),
      })),
  };
}

/** Order of diagnostics: by file, place and code. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  return compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code);
}

function namesOf(code: string): readonly string[] {
  return [code, ...(CATALOGUE.get(code)?.aliases ?? [])];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
