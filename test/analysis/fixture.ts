import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { analyze, type Diagnostic } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';

export const FIXTURES = path.join(import.meta.dirname, 'fixtures');

/** What a fixture says under a token: `#   ^^^ AMBnnnn severity: a part of the message`. */
export interface Expectation {
  readonly code: string;
  readonly severity: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly text: string;
}

const EXPECTATION = /^\s*#\s*(\^+) (AMB\d{4}) (error|warning|info|hint): (.*)$/;

/** The fixtures' folders, one for each rule, with the files in it. */
export function fixtures(): { rule: string; file: string; text: string }[] {
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
  let line = 0;
  return text.split('\n').flatMap((content, index) => {
    const match = EXPECTATION.exec(content);
    if (!match) {
      line = index + 1;
      return [];
    }
    const [, carets = '', code = '', severity = '', message = ''] = match;
    const column = content.indexOf('^') + 1;
    return [{ code, severity, line, column, endColumn: column + carets.length, text: message }];
  });
}

export function analyzeText(text: string, file = 'file.yaml'): Diagnostic[] {
  return analyze([parseFile(file, text)]);
}
