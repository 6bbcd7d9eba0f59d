import { describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { analyze, type Diagnostic } from '../../runtime/analysis/analyze';
import { applyFixes } from '../../runtime/analysis/apply-fixes';
import { parseFile } from '../../runtime/analysis/document';
import type { Fix } from '../../runtime/analysis/edit';
import { fixAll } from '../../runtime/analysis/fix-all';
import { suppressionFixes } from '../../runtime/analysis/suppression';
import { analyzeText, fixtures, liveMeshOf, liveTextOf, type Fixture } from './fixture';

/** The fixtures that have a fix, without the expectations in them: comments here are ours. */
const bad = fixtures()
  .filter(({ file }) => /\/bad[^/]*$/.test(file))
  .map((fixture): Fixture => ({ ...fixture, text: fixture.text.replace(/^\s*#.*\n/gm, '') }))
  // Of a text that is broken itself, what is an object's own line is a guess.
  .filter(({ text }) => parseFile('f.yaml', text).problems.length === 0);
const withFixes = bad.filter(({ file, text }) => analyzeText(text, file).some(({ fixes }) => fixes.length > 0));

/** Ways to write the same objects otherwise. */
const styles: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  CRLF: (text) => text.replaceAll('\n', '\r\n'),
  'indented by four, lists too': (text) => restyled(text, { indent: 4, indentSeq: true }),
  'in one line': (text) => restyled(text, { collectionStyle: 'flow' }),
  JSON: (text) => {
    const documents = parseAllDocuments(text, { logLevel: 'silent' }).map((one) => one.toJS() as unknown);
    return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents }, null, 2);
  },
  'without a line break at the end': (text) => text.trimEnd(),
};

function restyled(text: string, options: Parameters<typeof stringify>[2]): string {
  const documents = parseAllDocuments(text, { logLevel: 'silent' }).map((one) => one.toJS() as unknown);
  return documents.map((one) => stringify(one, { lineWidth: 0, ...(options as object) })).join('---\n');
}

/** Comments after each line and between all, but where a text goes over several lines; each says where it was put. */
function commented(text: string): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  let block = Infinity;
  return text
    .split(newline)
    .flatMap((line, index) => {
      const indent = line.search(/\S/);
      if (indent >= 0 && indent <= block) block = Infinity;
      if (block < Infinity || indent < 0 || line.startsWith('---')) return [line];
      if (/[|>][+-]?$/.test(line)) {
        block = indent;
        return [line];
      }
      return [`${' '.repeat(index % 7)}# between ${index}`, `${line} # after ${index}`];
    })
    .join(newline);
}

const count = (found: readonly Diagnostic[], of: Diagnostic) =>
  found.filter(({ code, message }) => code === of.code && message === of.message).length;
const errors = (found: readonly Diagnostic[]) => found.filter(({ severity }) => severity === 'error').length;
const comments = (text: string): string[] => text.match(/# (after|between) \d+/g) ?? [];

function judgeWith(text: string, { file }: Fixture): Diagnostic[] {
  const live = liveTextOf(file);
  return analyze([parseFile(file, text)], live === undefined ? undefined : liveMeshOf(live));
}

/** What a fix has to leave as it was: comments outside of what it replaces, how lines end, everything else. */
function expectKept(before: string, after: string, { edits }: Fix): void {
  const replaced = comments(edits.map(({ start, end }) => before.slice(start, end)).join('\n'));
  expect(comments(after).sort()).toEqual(
    comments(before)
      .filter((comment) => !replaced.includes(comment) || comments(after).includes(comment))
      .sort(),
  );
  if (before.includes('\r\n')) expect(after.replaceAll('\r\n', '')).not.toContain('\n');
  const problems = (text: string) => parseFile('f.yaml', text).problems.length;
  expect(problems(after)).toBeLessThanOrEqual(problems(before));
}

const written = (style: string, { text }: Fixture): string => {
  const plain = styles[style]?.(text) ?? '';
  return style === 'JSON' || style === 'in one line' ? plain : commented(plain);
};

describe.each(Object.keys(styles))('in a file %s', (style) => {
  test.each(withFixes)('$file: each fix removes what it fixes, adds no error, and keeps comments', (fixture) => {
    const text = written(style, fixture);
    const found = judgeWith(text, fixture);
    for (const diagnostic of found)
      for (const fix of diagnostic.fixes) {
        const { files } = applyFixes((file) => (file === fixture.file ? text : undefined), [fix]);
        const fixed = files.get(fixture.file) ?? '';
        expectKept(text, fixed, fix);
        const now = judgeWith(fixed, fixture);
        expect(count(now, diagnostic), fix.title).toBeLessThan(count(found, diagnostic));
        expect(errors(now), fix.title).toBeLessThanOrEqual(errors(found));
      }
  });
});

describe.each(['CRLF', 'in one line', 'JSON'])('in a file %s', (style) => {
  const one = bad.filter(({ file }) => file.endsWith('/bad.yaml'));
  test.each(one)('$file: a suppression silences its finding, and nothing else', (fixture) => {
    const text = written(style, fixture);
    const found = judgeWith(text, fixture);
    const [diagnostic] = found;
    if (diagnostic === undefined) return;
    for (const fix of suppressionFixes(parseFile(fixture.file, text), diagnostic)) {
      const fixed = applyFixes(() => text, [fix]).files.get(fixture.file) ?? '';
      expectKept(text, fixed, fix);
      const now = judgeWith(fixed, fixture);
      expect(count(now, diagnostic), fix.title).toBeLessThan(count(found, diagnostic));
      const others = (all: readonly Diagnostic[]) =>
        new Set(all.filter(({ code }) => code !== diagnostic.code).map(({ code }) => code));
      expect(others(now)).toEqual(others(found));
    }
  });
});

describe('all safe fixes at once', () => {
  test.each(withFixes)('$file: leave nothing that is safe to fix, and a second run changes nothing', (fixture) => {
    const texts = new Map([[fixture.file, fixture.text]]);
    const judge = () => judgeWith(texts.get(fixture.file) ?? '', fixture);
    const { found } = fixAll(texts, judge);
    expect(found.flatMap(({ fixes }) => fixes.filter(({ safe }) => safe))).toEqual([]);
    expect(fixAll(new Map(texts), judge).applied).toEqual([]);
  });
});

describe('silencing', () => {
  const policy = (above: string) => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: a
spec:
${above}  action: DENY
`;
  const silence = (text: string) => {
    const [diagnostic] = analyzeText(text, 'f.yaml').filter(({ code }) => code === 'AMB5004');
    const fixes = diagnostic ? suppressionFixes(parseFile('f.yaml', text), diagnostic) : [];
    return fixes.map(({ title, ...fix }) => [title, applyFixes(() => text, [{ title, ...fix }]).files.get('f.yaml')]);
  };

  test('by a comment in the indentation of the line, or by an annotation', () => {
    expect(silence(policy(''))).toEqual([
      ['Silence AMB5004 here', policy('  # ambient-disable-next-line AMB5004\n')],
      [
        'Silence AMB5004 for this object',
        policy('').replace('  name: a\n', '  name: a\n  annotations:\n    ambient.dev/ignore: AMB5004\n'),
      ],
    ]);
  });

  test('goes into what silences something else already', () => {
    expect(silence(policy('  # ambient-disable-next-line AMB5001\n'))[0]?.[1]).toBe(
      policy('  # ambient-disable-next-line AMB5004, AMB5001\n'),
    );
    const annotated = policy('').replace(
      '  name: a\n',
      '  name: a\n  annotations: { ambient.dev/ignore: "AMB5001" }\n',
    );
    expect(silence(annotated)[1]?.[1]).toBe(annotated.replace('"AMB5001"', '"AMB5001,AMB5004"'));
  });

  test('has no comment where there can be none', () => {
    const json = JSON.stringify(
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'a' },
        spec: { action: 'DENY' },
      },
      null,
      2,
    );
    expect(silence(json).map(([title]) => title)).toEqual(['Silence AMB5004 for this object']);
  });
});
