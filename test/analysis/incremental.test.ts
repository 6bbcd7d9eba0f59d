import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Analysis } from '../../runtime/analysis/analysis';
import { analyze } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';
import { fixtures } from './fixture';

const all = fixtures();

/** Words that tie documents together: an edit of one concerns those that ask for it. */
const WORDS = [
  /(?<=\bname: )[\w-]+/g,
  /(?<=\bnamespace: )[\w-]+/g,
  /(?<=\bkind: )\w+/g,
  /(?<=istio\.io\/use-waypoint: )[\w-]+/g,
  /(?<=istio\.io\/dataplane-mode: )\w+/g,
  /(?<=istio-injection: )\w+/g,
  /(?<=\bapp: )[\w-]+/g,
  /(?<=\bport: )\d+/g,
  /(?<=gatewayClassName: )[\w-]+/g,
];

interface Edit {
  readonly file: number;
  readonly make: (text: string | undefined) => string | undefined;
}

const fixture = fc.constantFrom(...all).map(({ text }) => text);
const edit: fc.Arbitrary<Edit['make']> = fc.oneof(
  fixture.map((text) => () => text),
  fc.constant(() => undefined),
  // A word becomes another one of its kind, out of the same or another fixture.
  fc.tuple(fc.constantFrom(...WORDS), fc.nat(), fixture, fc.nat()).map(([word, at, source, from]) => (text = '') => {
    const places = [...text.matchAll(word)];
    const words = [...source.matchAll(word)];
    const place = places[at % places.length];
    const other = words[from % words.length]?.[0] ?? 'other';
    return place ? text.slice(0, place.index) + other + text.slice(place.index + place[0].length) : text;
  }),
  // A document goes, comes twice, or changes its place.
  fc.tuple(fc.nat(), fc.constantFrom('drop', 'double', 'last')).map(([at, what]) => (text = '') => {
    const documents = text.split('\n---\n');
    const [picked = ''] = documents.splice(at % documents.length, 1);
    if (what === 'double') documents.unshift(picked, picked);
    if (what === 'last') documents.push(picked);
    return documents.join('\n---\n');
  }),
  fc.constant((text = '') => `# a line more\n${text}`),
  fc.tuple(fc.nat(), fc.nat(30)).map(([at, length]) => (text = '') => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + text.slice(start + length);
  }),
);

describe('an analysis that takes edits', () => {
  test('finds after each of them what a whole run finds', () => {
    const files = fc.array(fixture, { minLength: 2, maxLength: 6 });
    const edits = fc.array(fc.record({ file: fc.nat(6), make: edit }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(files, edits, (start, changes) => {
        const texts = new Map(start.map((text, index) => [`${index}.yaml`, text]));
        const analysis = new Analysis();
        analysis.update([...texts].map(([file, text]) => [file, parseFile(file, text)]));
        const shown = new Map(analysis.files.map((file) => [file, analysis.diagnosticsOf(file)]));
        for (const { file, make } of changes) {
          const name = `${file}.yaml`;
          const text = make(texts.get(name));
          if (text === undefined) texts.delete(name);
          else texts.set(name, text);
          for (const touched of analysis.update([[name, text === undefined ? undefined : parseFile(name, text)]]))
            shown.set(touched, analysis.diagnosticsOf(touched));
          const whole = analyze([...texts].map(([one, content]) => parseFile(one, content)));
          expect(analysis.diagnostics()).toEqual(whole);
          // Whoever shows only what an update names shows everything.
          expect([...shown.keys()].sort().flatMap((one) => shown.get(one) ?? [])).toEqual(whole);
        }
      }),
      { numRuns: Number(process.env['AMBIENT_RUNS'] ?? 150), seed: Number(process.env['AMBIENT_SEED'] ?? 1) },
    );
    // Hundreds of whole analyses.
  }, 120_000);

  test('takes the files of a new kustomization out, and back in', () => {
    const file = (name: string, text: string) => [name, parseFile(name, text)] as const;
    const policy =
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\nspec: { action: DENY }\n';
    const kustomization =
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches: [{ path: p/a.yaml }]\n';
    const analysis = new Analysis();
    const codes = () => analysis.diagnostics().map(({ code }) => code);
    analysis.update([file('x/p/a.yaml', policy)]);
    expect(codes()).toEqual(['AMB5004']);
    expect(analysis.update([file('x/kustomization.yaml', kustomization)])).toContain('x/p/a.yaml');
    expect(codes()).toEqual([]);
    analysis.update([['x/kustomization.yaml', undefined]]);
    expect(codes()).toEqual(['AMB5004']);
  });

  test('runs the rules of what an edit concerns, and of nothing else', () => {
    const team = (name: string, labels: string) =>
      parseFile(
        `${name}.yaml`,
        `apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { istio.io/dataplane-mode: ambient${labels} } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: ${name} }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: ${name} }
spec: { parentRefs: [{ group: "", kind: Service, name: web }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
`,
      );
    const analysis = new Analysis();
    analysis.update(['a', 'b'].map((name) => [`${name}.yaml`, team(name, '')]));
    expect(analysis.diagnostics().map(({ file, code }) => [file, code])).toEqual([
      ['a.yaml', 'AMB2009'],
      ['b.yaml', 'AMB2009'],
    ]);
    expect([...analysis.update([['a.yaml', team('a', ', istio.io/use-waypoint: none')]])]).toEqual(['a.yaml']);
  });
});
