import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { analyze, type Diagnostic } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';
import { liveMesh, type LiveMesh } from '../../runtime/analysis/live-mesh';
import { bundledCrds } from '../../runtime/api/crds';

export const FIXTURES = path.join(import.meta.dirname, 'fixtures');

/** What a fixture says under a token: `#   ^^^ AMBnnnn severity: the message`, and below it `#   fix: title`. */
export interface Expectation {
  readonly code: string;
  readonly severity: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly text: string;
  /** All fixes, in order: `fix: title`, or `safe fix: title`. A fixture that writes none of them leaves them open. */
  readonly fixes: readonly string[];
}

/** A text that is analysed alone; `rule` is its folder, `file` its path in FIXTURES. */
export interface Fixture {
  readonly rule: string;
  readonly file: string;
  readonly text: string;
}

const EXPECTATION = /^\s*#\s*(\^+) (AMB\d{4}) (error|warning|info|hint): (.*)$/;
const FIX = /^\s*#\s{2,}((?:safe )?fix: .*)$/;

/** The fixtures' folders, one for each rule, with the files in it. */
export function fixtures(): Fixture[] {
  return readdirSync(FIXTURES)
    .sort()
    .flatMap((rule) =>
      readdirSync(path.join(FIXTURES, rule))
        .filter((name) => /^(bad|good)/.test(name))
        .sort()
        .map((name) => ({
          rule,
          file: `${rule}/${name}`,
          text: readFileSync(path.join(FIXTURES, rule, name), 'utf8'),
        })),
    );
}

/** The expectations of a fixture; each is about the nearest line above that holds none. */
export function expectationsIn(text: string): Expectation[] {
  const expectations: (Expectation & { fixes: string[] })[] = [];
  let line = 0;
  for (const [index, content] of text.split('\n').entries()) {
    const match = EXPECTATION.exec(content);
    const fix = FIX.exec(content)?.[1];
    if (fix !== undefined) expectations.at(-1)?.fixes.push(fix);
    else if (match) {
      const [, carets = '', code = '', severity = '', message = ''] = match;
      const column = content.indexOf('^') + 1;
      expectations.push({ code, severity, line, column, endColumn: column + carets.length, text: message, fixes: [] });
    } else line = index + 1;
  }
  return expectations;
}

/** What a fixture says that the mesh holds: `live-<fixture>` beside it. */
export function liveTextOf(file: string): string | undefined {
  const beside = path.join(FIXTURES, path.dirname(file), `live-${path.basename(file)}`);
  return existsSync(beside) ? readFileSync(beside, 'utf8') : undefined;
}

export function analyzeText(text: string, file = 'file.yaml'): Diagnostic[] {
  const live = liveTextOf(file);
  return analyze([parseFile(file, text)], live === undefined ? undefined : liveMeshOf(live));
}

/** A mesh that holds the objects of a text and nothing else. */
export function liveMeshOf(text: string): LiveMesh {
  const { documents } = parseFile('mesh.yaml', text);
  return liveMesh(
    'test',
    documents.map(({ value }) => value),
    new Set([
      '/Namespace',
      '/Pod',
      '/Service',
      '/ServiceAccount',
      'apps/Deployment',
      ...documents.map(groupKind),
      ...CRDS,
    ]),
  );
}

const groupKind = ({ group, kind }: { group: string; kind: string }): string => `${group}/${kind}`;
const CRDS = bundledCrds.map(({ spec }) => groupKind({ group: spec.group, kind: spec.names.kind }));
