import fc from 'fast-check';

/** Something done to a text, by numbers between 0 and 1 that say where and how much. */
type Mutation = (text: string, at: number, to: number, amount: number) => string;

const place = (text: string, at: number): number => Math.floor(at * text.length);
const insert =
  (make: (amount: number, text: string) => string): Mutation =>
  (text, at, _, amount) => {
    const here = place(text, at);
    return text.slice(0, here) + make(amount, text) + text.slice(here);
  };
const between = (text: string, at: number, to: number): [number, number] => {
  const [start, end] = [place(text, at), place(text, to)];
  return start < end ? [start, end] : [end, start];
};
const many = (unit: string) => insert((amount) => unit.repeat(1 + Math.floor(amount ** 4 * 20_000)));
const lines = (text: string): string[] => text.split('\n');

/** What wastes, confuses or breaks a reader. */
const MUTATIONS: readonly Mutation[] = [
  // Losing, repeating, moving.
  (text, at, to) => {
    const [start, end] = between(text, at, to);
    return text.slice(0, start) + text.slice(end);
  },
  (text, at, to, amount) => {
    const [start, end] = between(text, at, to);
    return text.slice(0, end) + text.slice(start, end).repeat(1 + Math.floor(amount ** 3 * 40)) + text.slice(end);
  },
  (text, at, to) => {
    const all = lines(text);
    const [line] = all.splice(Math.floor(at * all.length), 1);
    all.splice(Math.floor(to * all.length), 0, line ?? '');
    return all.join('\n');
  },
  (text, at, _, amount) => {
    const all = lines(text);
    const index = Math.floor(at * all.length);
    all[index] = ' '.repeat(Math.floor(amount * 12)) + (all[index] ?? '').trimStart();
    return all.join('\n');
  },
  // Syntax in wrong places, once and very often.
  ...[
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    '? ',
    '"',
    "'",
    '|\n',
    '>\n',
    '# ',
    '\t',
    '&a ',
    '*a ',
    '!!map ',
    '<<: *a\n',
  ].flatMap((token) => [insert(() => token), many(token)]),
  ...['---\n', '...\n', '%YAML 1.2\n', '{{ .Values.x }}', '__proto__: ', 'constructor: ', '.', 'a'].map(many),
  // Depth and bombs.
  insert((amount) => Array.from({ length: Math.floor(amount * 400) }, (_, i) => `${' '.repeat(i)}a:\n`).join('')),
  insert((amount) => {
    const width = 2 + Math.floor(amount * 12);
    const level = (i: number): string => `b${i + 1}: &b${i + 1} [${Array(width).fill(`*b${i}`).join(', ')}]\n`;
    return `\nb0: &b0 x\n${Array.from({ length: 12 }, (_, i) => level(i)).join('')}`;
  }),
  insert((amount) => {
    const link = (i: number): string => `m${i + 1}: &m${i + 1} {<<: *m${i}, n${i}: 1}\n`;
    return `\nm0: &m0 {}\n${Array.from({ length: Math.floor(amount * 3000) }, (_, i) => link(i)).join('')}`;
  }),
  insert((amount) => `x: ${'long '.repeat(Math.floor(amount ** 6 * 400_000))}`),
  // Characters and encodings.
  ...['\0', '\ud800', '\udfff', '\ufeff', '\ufffe', '\u2028', '\u0085', '\r', '\x1b', '\u{1f600}', '\u202e'].map(
    (one) => insert((amount) => one.repeat(1 + Math.floor(amount ** 3 * 50))),
  ),
  (text) => `\ufeff${text}`,
  (text) => text.replaceAll('\n', '\r\n'),
  (text) => text.replaceAll('\n', '\r'),
  (text) => [...text].join('\0'),
  (text) => [...text].map((one) => String.fromCharCode(one.charCodeAt(0) & 0xff, one.charCodeAt(0) >> 8)).join(''),
  // Values of other types, and very large ones.
  (text, at, _, amount) => {
    const values = [
      'null',
      '1e999',
      '0x1F',
      '-.inf',
      '.nan',
      '2001-01-01',
      'yes',
      '{}',
      '[]',
      '~',
      '!!binary AA==',
      '"\\ud800"',
    ];
    const all = lines(text);
    const index = Math.floor(at * all.length);
    all[index] = (all[index] ?? '').replace(/:.*/, `: ${values[Math.floor(amount * values.length)] ?? ''}`);
    return all.join('\n');
  },
];

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/**
 * Texts made from real manifests by up to six mutations, some of them joined.
 *
 * @param manifests texts to begin with
 */
export function hostileText(manifests: readonly string[]): fc.Arbitrary<string> {
  const step = fc.tuple(fc.constantFrom(...MUTATIONS), unit, unit, unit);
  const parts = fc.array(fc.constantFrom(...manifests), { minLength: 1, maxLength: 2 });
  const texts = fc
    .tuple(parts, fc.array(step, { maxLength: 6 }))
    .map(([first, steps]) => steps.reduce((text, [mutate, ...where]) => mutate(text, ...where), first.join('\n---\n')));
  return fc.noShrink(texts);
}
