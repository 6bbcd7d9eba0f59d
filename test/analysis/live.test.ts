import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Analysis } from '../../runtime/analysis/analysis';
import { analyze } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';
import { liveMesh } from '../../runtime/analysis/live-mesh';
import { nearest } from '../../runtime/analysis/nearest';
import { fixtures, FIXTURES, liveMeshOf } from './fixture';

const text = (file: string): string => readFileSync(path.join(FIXTURES, file), 'utf8');
const codes = (file: string, live: string) =>
  analyze([parseFile('f.yaml', text(file))], liveMeshOf(live)).map(({ code, severity }) => `${code} ${severity}`);

describe('a live mesh', () => {
  test('has what stands in no file', () => {
    // The target, its Namespace and its waypoint are in the mesh: only the policy is judged, and applied it is not yet.
    const [policy = '', ...rest] = text('target-not-found/good.yaml').split(/^---\n/m);
    const found = analyze([parseFile('f.yaml', policy)], liveMeshOf(rest.join('---\n')));
    expect(found.map(({ code }) => code)).not.toContain('AMB3001');
  });

  test.each([
    ['target-not-found/bad.yaml', 'AMB3001'],
    ['service-account-not-found/bad.yaml', 'AMB3002'],
    ['waypoint-not-found/bad.yaml', 'AMB2006'],
    ['route-reference/bad.yaml', 'AMB3006'],
  ])('%s: what it does not have either is a warning, not a hint', (file, code) => {
    const empty = liveMeshOf('');
    const [before, after] = [
      analyze([parseFile('f.yaml', text(file))]),
      analyze([parseFile('f.yaml', text(file))], empty),
    ];
    const severities = (found: typeof before) =>
      new Set(found.filter((one) => one.code === code).map((one) => one.severity));
    expect(severities(before)).toContain('hint');
    expect(severities(after)).toEqual(new Set(['warning']));
    expect(after.map(({ message }) => message).join('\n')).not.toContain('No file has');
  });

  test('does not doubt kinds that it was not asked for', () => {
    const file = parseFile('f.yaml', text('service-account-not-found/bad.yaml'));
    const found = analyze([file], liveMesh('test', [], new Set(['/Service'])));
    expect(found.filter(({ code }) => code === 'AMB3002').map(({ severity }) => severity)).toEqual(['hint']);
  });

  test('is shadowed by files, and not judged itself', () => {
    const bad = text('waypoint-listener/bad.yaml');
    expect(codes('target-not-found/good.yaml', bad).filter((code) => code.startsWith('AMB2012'))).toEqual([]);
    const both = analyze([parseFile('f.yaml', bad)], liveMeshOf(bad));
    expect(both.filter(({ code }) => code === 'AMB2012')).toEqual(analyze([parseFile('f.yaml', bad)]));
    expect(both.every(({ file }) => file === 'f.yaml')).toBe(true);
  });
});

test('an analysis that takes files and meshes one after another finds what a whole run finds', () => {
  const all = fixtures().filter(({ rule }) => rule.startsWith('live-') || /waypoint|target|account/.test(rule));
  const change = fc.oneof(
    fc.record({
      file: fc.constantFrom('a.yaml', 'b.yaml'),
      text: fc.option(fc.constantFrom(...all.map((one) => one.text))),
    }),
    fc.record({ live: fc.option(fc.constantFrom(...all.map((one) => one.text))) }),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const analysis = new Analysis();
      const files = new Map<string, ReturnType<typeof parseFile>>();
      let live: ReturnType<typeof liveMeshOf> | undefined;
      for (const one of changes) {
        if ('live' in one) analysis.setLive((live = one.live === null ? undefined : liveMeshOf(one.live)));
        else {
          const parsed = one.text === null ? undefined : parseFile(one.file, one.text);
          if (parsed === undefined) files.delete(one.file);
          else files.set(one.file, parsed);
          analysis.update([[one.file, parsed]]);
        }
        expect(analysis.diagnostics()).toEqual(analyze([...files.values()], live));
      }
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['reviws', ['reviews', 'ratings'], ['reviews']],
  ['fornt', ['front', 'front-end', 'frnot'], ['front', 'frnot']],
  ['a', ['b', 'cd'], ['b']],
  ['cart', ['cart', 'orders'], []],
])('%s may be meant to be one of %j', (slip, names, expected) => {
  expect(nearest(slip, names)).toEqual(expected);
});
