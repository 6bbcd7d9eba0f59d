// Runs in a process of its own, which the test limits in time and memory: what is read from standard input says which
// texts to make. Ends with 0 when each was analysed or told why not, else says on standard error with which text not.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { analyze } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';
import { decodeText, encodeText, encodingOf } from '../../runtime/analysis/text-encoding';
import { KNOWN } from './known';
import { hostileText } from './mutations';

export interface Campaign {
  /** Name of one known text, instead of generated ones. */
  readonly known?: string;
  /** Real manifests to begin with. */
  readonly manifests: readonly string[];
  readonly seed: number;
  readonly runs: number;
}

/** Nothing is thrown, what is told is told in our words, and it stands inside of the text. */
function judge(text: string): void {
  const file = parseFile('hostile.yaml', text);
  for (const { code, message, range } of file.problems) {
    assert.match(code, /^AMB\d{4}$/);
    assert.doesNotMatch(message, /undefined|\[object|call stack/i);
    assert.ok(range.start >= 0 && range.start <= text.length, `${code} at ${range.start} of ${text.length}`);
  }
  for (const { line, column, endLine, endColumn } of analyze([file]))
    assert.ok(line >= 1 && column >= 1 && (endLine > line || (endLine === line && endColumn >= column)));
  assert.equal(({} as Record<string, unknown>)['rules'], undefined);
}

/** What is written in UTF-16 reads as what it was. */
function judgeEncodings(text: string): void {
  const written = `\ufeff${text}`;
  for (const encoding of ['utf-8', 'utf-16le', 'utf-16be'] as const) {
    const bytes = encodeText(written, encoding);
    assert.equal(encodingOf(bytes), encoding);
    assert.equal(decodeText(bytes), Buffer.from(written).toString());
  }
}

const { known, manifests, seed, runs } = JSON.parse(readFileSync(0, 'utf8')) as Campaign;
if (known !== undefined) judge(KNOWN[known]!());
else {
  const property = fc.property(hostileText(manifests), (text) => {
    judge(text);
    judgeEncodings(text.slice(0, 300));
  });
  const { failed, numRuns, counterexample, errorInstance } = fc.check(property, {
    seed,
    numRuns: runs,
    endOnFailure: true,
  });
  if (failed) {
    const text = JSON.stringify(counterexample?.[0]).slice(0, 3000);
    process.stderr.write(`seed ${seed}, run ${numRuns}: ${String(errorInstance)}\n${text}\n`);
    process.exitCode = 1;
  }
}
