import type { CatalogueEntry } from '../../runtime/analysis/rule';
import { NOT_COVERED, PLANNED } from './not-covered';
import { ISTIOCTL, KIALI, type UpstreamCode } from './upstream-codes';

/** Where an upstream code stands: our codes that carry it as an alias, and why there are none. */
export interface Standing {
  readonly code: string;
  readonly rules: readonly string[];
  readonly reason: string | undefined;
}

/** Every code of Kiali and istioctl, with the entries of the catalogue that speak of the same. */
export function standings(catalogue: Iterable<CatalogueEntry>): Standing[] {
  const entries = [...catalogue];
  return [...KIALI, ...ISTIOCTL].map(([code]) => ({
    code,
    rules: entries.filter(({ aliases }) => aliases.includes(code)).map((entry) => entry.code),
    reason: NOT_COVERED[code],
  }));
}

/** What is wrong with the table: a code without a rule and a reason, or with both. */
export function gaps(all: readonly Standing[]): string[] {
  const known = new Set(all.map(({ code }) => code));
  return [
    ...all
      .filter(({ rules, reason }) => rules.length === 0 && !reason)
      .map(({ code }) => `${code}: no rule, no reason`),
    ...all
      .filter(({ rules, reason }) => rules.length > 0 && reason && reason !== PLANNED)
      .map(({ code, rules }) => `${code}: ${rules.join(', ')} covers it, so its reason is out of date`),
    ...Object.keys(NOT_COVERED)
      .filter((code) => !known.has(code))
      .map((code) => `${code}: a reason for a code that is not upstream's`),
  ];
}

/** The page docs/rules/coverage.md. */
export function coveragePage(catalogue: Iterable<CatalogueEntry>): string {
  const byCode = new Map(standings(catalogue).map((standing) => [standing.code, standing]));
  const table = (codes: readonly UpstreamCode[]) => {
    const rows = codes.map(
      ([code, name, scope]) => `| ${code} | \`${name}\` | ${scope} | ${standingText(byCode.get(code))} |`,
    );
    return `| code | name there | needs | here |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  };
  const covered = (codes: readonly UpstreamCode[]) =>
    `${codes.filter(([code]) => byCode.get(code)?.rules.length).length} of ${codes.length}`;
  return `# Kiali's and istioctl's codes

Written by \`UPDATE=1 vitest run test/analysis\` from the catalogue's aliases and the reasons in
\`test/analysis/not-covered.ts\`. \`document\`: the object's own text tells; \`workspace\`: other files are needed;
\`live\`: only a running cluster tells. A rule of ours may tell less or more than its namesake: ambient mode differs, and
what merely stands in no file is a hint here.

## Kiali (${covered(KIALI)} have a rule)

${table(KIALI)}
## istioctl (${covered(ISTIOCTL)} have a rule)

${table(ISTIOCTL)}`;
}

function standingText(standing: Standing | undefined): string {
  const rules = standing?.rules.map((code) => `[${code}](${code}.md)`).join(' ');
  return rules || (standing?.reason ?? '');
}
