const HEAD = 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: p, namespace: n }\n';
const MB = 1024 * 1024;

const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join('');
const policy = (index: number, spec: string): string =>
  `${HEAD.replace('name: p', `name: p${index}`)}spec: ${spec}\n---\n`;
const methods = '{ to: [{ operation: { methods: [GET] } }] }';

/** Texts that waste as much as a reader lets them; some once brought ours down. Made only where they are read. */
export const KNOWN: Readonly<Record<string, () => string>> = {
  'a scalar just short enough': () => `${HEAD}x: ${'a'.repeat(8 * MB - 200)}`,
  'a scalar of escapes': () => `${HEAD}x: "${'a\\n'.repeat(2.6 * MB)}"`,
  'a block of short lines': () => `${HEAD}x: |\n${'  a\n'.repeat(1.9 * MB)}`,
  'a quote without end': () => `${HEAD}x: "${'a\n'.repeat(2 * MB)}`,
  'blank lines': () => HEAD + '\n'.repeat(7.9 * MB),
  comments: () => HEAD + '# comment\n'.repeat(0.7 * MB),
  'comments in a list': () => `${HEAD}x: [a${' #c\n,a'.repeat(80_000)}]`,
  directives: () => `${'%FOO bar\n'.repeat(240_000)}---\n${HEAD}`,
  documents: () => times(30_000, (index) => policy(index, '{}')),
  keys: () => HEAD + times(95_000, (index) => `k${index}: v\n`),
  'the same key': () => HEAD + 'k: v\n'.repeat(95_000),
  tags: () => HEAD + times(70_000, (index) => `k${index}: !t${index} v\n`),
  anchors: () => `${HEAD}x: [${'&a '.repeat(200_000)}]`,
  aliases: () => `${HEAD}k: &a v\n${times(60_000, (index) => `k${index}: *a\n`)}`,
  'a chain of merge keys': () =>
    `${HEAD}m0: &m0 {}\n${times(20_000, (i) => `m${i + 1}: &m${i + 1} {<<: *m${i}, n${i}: 1}\n`)}`,
  'wide merge keys': () =>
    `${HEAD}k: &a {${times(1000, (i) => `n${i}: 1,`)}}\n${times(190, (i) => `m${i}: {<<: [${'*a,'.repeat(50)}]}\n`)}`,
  'rules without end': () => `${HEAD}spec:\n  action: DENY\n  rules:\n${`  - ${methods}\n`.repeat(20_000)}`,
  'values of wrong types': () =>
    `${HEAD}spec:\n  rules:\n${'  - from: [{ source: { principals: [1], namespaces: 2 } }]\n'.repeat(15_000)}`,
  'policies that say the same': () =>
    times(5000, (index) =>
      policy(index, `{ selector: { matchLabels: { app: a } }, action: DENY, rules: [${methods}] }`),
    ),
  'policies and pods': () =>
    times(
      2500,
      (index) =>
        `apiVersion: v1\nkind: Pod\nmetadata: { name: p${index}, namespace: n, labels: { app: a } }\nspec: { serviceAccountName: s }\n---\n` +
        policy(index, `{ selector: { matchLabels: { app: a } }, action: DENY, rules: [${methods}] }`),
    ),
  'stars in paths': () =>
    `${HEAD}spec: { targetRefs: [{ kind: Service, name: s }], rules: [{ to: [{ operation: { paths: ["${'/{*}'.repeat(5000)}", "${'*'.repeat(100_000)}"] } }] }] }`,
  zeros: () => `${HEAD}x: ${'\0'.repeat(MB)}`,
  'lone surrogates': () => `${HEAD}x: ${'\ud800'.repeat(MB)}`,
  'carriage returns alone': () => HEAD.replaceAll('\n', '\r').repeat(5000),
};
