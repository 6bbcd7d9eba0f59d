import { CATALOGUE, RULES } from './catalogue';
import type { MeshDocument, ParsedFile } from './document';
import type { Fix } from './edit';
import { kustomizePatches } from './kustomize';
import { keyRangeAt, rangeAt } from './locate';
import type { Path } from './path';
import type { ReportOptions, Rule, Severity } from './rule';
import { SEVERITIES } from './rule';
import { positionOf, type SourceRange, type SourceText } from './source-text';
import { isDisabledByComment, isIgnoredByAnnotation } from './suppression';
import { meshOf, type Mesh } from './workspace';

/** One finding; lines and columns from 1, the end exclusive. */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** Codes of Kiali and istioctl that speak of the same thing. */
  readonly aliases: readonly string[];
  readonly fixes: readonly Fix[];
}

/** Judges files together: each may be what another refers to. Sorted by file and place. */
export function analyze(files: readonly ParsedFile[]): Diagnostic[] {
  const patches = kustomizePatches(files);
  const whole = files.filter(({ source }) => !patches.has(source.file));
  const documents = whole.flatMap((file) => file.documents);
  const mesh = meshOf(documents);
  const rulesByKind = new Map<string, Rule[]>();
  for (const rule of RULES)
    for (const kind of rule.kinds) rulesByKind.set(kind, [...(rulesByKind.get(kind) ?? []), rule]);

  const found: Diagnostic[] = [];
  for (const { source, problems } of files)
    for (const { code, message, range } of problems) add(found, source, range, { code, message });
  for (const document of documents) {
    for (const { code, path, message } of document.misfits)
      addAt(found, document, path, { code, message, options: { atKey: code === 'AMB1005' } });
    for (const rule of rulesByKind.get(`${document.group}/${document.kind}`) ?? []) run(found, rule, document, mesh);
  }
  return found.sort(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code),
  );
}

interface Finding {
  readonly code: string;
  readonly message: string;
  readonly severity?: Severity;
  readonly options?: ReportOptions;
}

function run(found: Diagnostic[], rule: Rule, document: MeshDocument, mesh: Mesh): void {
  const mode = rule.ambient ? mesh.modeOf(document.namespace || document.name) : 'ambient';
  if (mode === 'sidecar') return;
  rule.check({
    document,
    mesh,
    report(path, message, options) {
      const severity = options?.severity ?? rule.severity;
      const unsure = mode === 'unknown' && SEVERITIES.indexOf(severity) < SEVERITIES.indexOf('info');
      addAt(found, document, path, {
        code: rule.code,
        message: unsure ? `In ambient mode: ${message}` : message,
        severity: unsure ? 'info' : severity,
        options,
      });
    },
  });
}

function addAt(found: Diagnostic[], document: MeshDocument, path: Path, finding: Finding): void {
  if (isIgnoredByAnnotation(document, namesOf(finding.code))) return;
  const range = finding.options?.atKey ? keyRangeAt(document, path) : rangeAt(document, path);
  add(found, document.source, range, finding);
}

function add(found: Diagnostic[], source: SourceText, range: SourceRange, finding: Finding): void {
  const { code, message, options } = finding;
  if (isDisabledByComment(source, range.start, namesOf(code))) return;
  const entry = CATALOGUE.get(code);
  const [start, end] = [positionOf(source, range.start), positionOf(source, range.end)];
  found.push({
    code,
    severity: finding.severity ?? entry?.severity ?? 'error',
    message,
    file: source.file,
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
    aliases: entry?.aliases ?? [],
    fixes: (options?.fixes ?? []).filter((fix) => fix !== undefined),
  });
}

function namesOf(code: string): readonly string[] {
  return [code, ...(CATALOGUE.get(code)?.aliases ?? [])];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
