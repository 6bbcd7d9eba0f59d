import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CATALOGUE, RULES } from '../../runtime/analysis/catalogue';
import type { CatalogueEntry } from '../../runtime/analysis/rule';
import { coveragePage } from './coverage';
import { expectationsIn, fixtures, FIXTURES, liveTextOf } from './fixture';

const GROUPS: Readonly<Record<string, string>> = {
  1: 'Structure',
  2: 'Ambient attachment',
  3: 'References',
  4: 'Conflicts',
  5: 'Security',
  6: 'Migration',
  7: 'Live',
};
/** Codes that are told of a text, and not of an object. */
const OF_TEXTS = new Set(['AMB1001', 'AMB1002', 'AMB1003', 'AMB6020', 'AMB6021', 'AMB6022']);
const SCOPE = {
  document: 'one document',
  workspace: 'all analysed files together',
  live: 'a running mesh (`--live`)',
} as const;

/** The pages of docs/rules, by file name, from the catalogue and the fixtures. */
export function rulePages(): Map<string, string> {
  const entries = [...CATALOGUE.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  return new Map([
    ...entries.map((entry): [string, string] => [`${entry.code}.md`, page(entry)]),
    ['README.md', index(entries)],
    ['coverage.md', coveragePage(entries)],
  ]);
}

/** The codes as JSON schema, for the editor to complete in its settings. */
export function ruleNames(): { enum: string[]; enumDescriptions: string[] } {
  const entries = [...CATALOGUE.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  return { enum: entries.map(({ code }) => code), enumDescriptions: entries.map(({ title }) => title) };
}

function page(entry: CatalogueEntry): string {
  const { code, title, severity, scope, aliases, why } = entry;
  const folder = fixtureOf(code);
  const ambient = RULES.some((rule) => rule.code === code && rule.ambient);
  const facts = [
    `Severity: ${severity}.`,
    `Needs: ${SCOPE[scope]}.`,
    ...(ambient ? ['Silent for sidecars; an info where no file tells that the namespace is in ambient mode.'] : []),
    ...(aliases.length > 0 ? [`Elsewhere: ${aliases.join(', ')}.`] : []),
  ];
  return `# ${code}: ${title}

${facts.join(' ')}

${why}

## Found in

\`\`\`yaml
${read(folder, 'bad.yaml')}\`\`\`

${inMesh(folder, 'bad.yaml')}## Not found in

\`\`\`yaml
${read(folder, 'good.yaml')}\`\`\`
${inMesh(folder, 'good.yaml', '\n')}
${silencing(code)}
`;
}

/** What the mesh holds meanwhile, where a rule needs one. */
function inMesh(folder: string, name: string, before = ''): string {
  const text = liveTextOf(`${folder}/${name}`);
  return text === undefined ? '' : `${before}while the mesh holds\n\n\`\`\`yaml\n${text}\`\`\`\n\n`;
}

/** What is told of a text, and not of an object, has no annotation to silence it. */
function silencing(code: string): string {
  const comment = `Silence it with \`# ambient-disable-next-line ${code}\` above the place`;
  if (OF_TEXTS.has(code)) return `${comment}.`;
  return `${comment}, or with the annotation\n\`ambient.dev/ignore: ${code}\` on the object.`;
}

function index(entries: readonly CatalogueEntry[]): string {
  const groups = Object.entries(GROUPS).map(([digit, name]) => {
    const rows = entries
      .filter(({ code }) => code[3] === digit)
      .map(
        ({ code, title, severity, aliases }) =>
          `| [${code}](${code}.md) | ${severity} | ${title} | ${aliases.join(' ')} |`,
      );
    return `## ${name}\n\n| code | severity | what | Kiali, istioctl |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Rules of \`ambient analyze\`

Written by \`UPDATE=1 vitest run test/analysis\` from the catalogue and the fixtures.

Whatever merely stands in no analysed file is a hint: the cluster may have it. Where a running mesh is asked too
(\`ambient analyze --live\`), what neither has is a warning. A finding is silenced by a comment on the
line above (\`# ambient-disable-next-line AMB2001 reason\`; without codes, all) or by an annotation of the object:
\`ambient.dev/ignore\` with our codes or the aliases below, Kiali's \`kiali.io/ignore-validations\`, and Istio's
\`galley.istio.io/analyze-suppress\`.

${groups.join('\n')}`;
}

/** The folder of fixtures whose findings are of this code most often. */
function fixtureOf(code: string): string {
  const shares = fixtures()
    .filter(({ file }) => file.endsWith('/bad.yaml'))
    .map(({ rule, text }) => {
      const found = expectationsIn(text);
      return { rule, share: found.filter((one) => one.code === code).length / Math.max(found.length, 1) };
    })
    .sort((a, b) => b.share - a.share);
  return shares[0]?.rule ?? '';
}

function read(folder: string, name: string): string {
  return readFileSync(path.join(FIXTURES, folder, name), 'utf8');
}
