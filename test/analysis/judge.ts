import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Diagnostic } from '../../runtime/analysis/analyze';
import { applyFixes } from '../../runtime/analysis/apply-fixes';
import { analyzeText, expectationsIn, FIXTURES, type Fixture } from './fixture';

/** Something about a fixture that has to be equal. */
export interface Judgement {
  readonly what: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** What a fixture claims: a good one that nothing is found; a bad one what, where, and with which fixes. */
export function judge({ file, text }: Fixture): Judgement[] {
  const found = analyzeText(text, file);
  if (!path.basename(file).startsWith('bad')) return [{ what: 'findings', actual: found, expected: [] }];
  return [
    ...judgeFindings(found, text),
    ...judgeFirstFixes(found, file, text),
    ...found.flatMap(({ code, fixes }) =>
      fixes.flatMap((fix) => {
        const after = applyFixes(() => text, [fix]).files.get(file) ?? '';
        const findings = analyzeText(after, file);
        const count = (list: readonly Diagnostic[]) => list.filter((one) => one.code === code).length;
        return [
          { what: `${fix.title}: removes ${code}`, actual: count(findings) < count(found), expected: true },
          {
            what: `${fix.title}: adds no error of structure`,
            actual: findings.filter((one) => one.code.startsWith('AMB1')),
            expected: [],
          },
          {
            what: `${fix.title}: keeps every comment`,
            actual: (text.match(/# [a-z].*$/gim) ?? []).filter((comment) => !after.includes(comment)),
            expected: [],
          },
        ];
      }),
    ),
  ];
}

/** Findings as the fixture writes them under their tokens; fixes only where it writes some. */
function judgeFindings(found: readonly Diagnostic[], text: string): Judgement[] {
  const expected = expectationsIn(text);
  const withFixes = expected.some(({ fixes }) => fixes.length > 0);
  const actual = found.map(({ code, severity, line, column, endLine, endColumn, message, fixes }) => ({
    code,
    severity,
    line,
    column,
    endColumn: endLine === line ? endColumn : Infinity,
    text: message,
    fixes: withFixes ? fixes.map(({ title, safe }) => `${safe ? 'safe fix' : 'fix'}: ${title}`) : [],
  }));
  return [{ what: 'findings', actual, expected }];
}

/** The first fix of each finding, all taken, give the text beside; UPDATE=1 writes it. */
function judgeFirstFixes(found: readonly Diagnostic[], file: string, text: string): Judgement[] {
  const first = found.flatMap(({ fixes }) => fixes.slice(0, 1));
  const beside = path.join(FIXTURES, file.replace(/bad(.*)\.yaml$/, 'fixed$1.yaml'));
  const actual = first.length > 0 ? applyFixes(() => text, first).files.get(file) : undefined;
  if (process.env['UPDATE'] === '1' && actual !== undefined) writeFileSync(beside, actual);
  return [{ what: 'with its fixes', actual, expected: existsSync(beside) ? readFileSync(beside, 'utf8') : undefined }];
}
