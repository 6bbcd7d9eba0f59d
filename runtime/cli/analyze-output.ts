import type { Diagnostic } from '../analysis/analyze';
import { CATALOGUE } from '../analysis/catalogue';
import type { Place } from '../analysis/place';
import { SEVERITIES, type Severity } from '../analysis/rule';

/** `file:line:column: severity AMBnnnn message`, which terminals and editors make links of, and a line of counts. */
export function textOf(found: readonly Diagnostic[], files: number): string {
  const lines = found.map(
    ({ file, line, column, severity, code, message, fixes }) =>
      `${file}:${line}:${column}: ${severity} ${code} ${message}${fixes[0] ? `\n    fix: ${fixes[0].title}` : ''}\n`,
  );
  const counts = SEVERITIES.map((severity) => ({
    severity,
    count: found.filter((one) => one.severity === severity).length,
  }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`);
  return `${lines.join('')}${files} ${files === 1 ? 'file' : 'files'}: ${counts.join(', ') || 'nothing found'}\n`;
}

const GITHUB: Readonly<Record<Severity, string>> = {
  error: 'error',
  warning: 'warning',
  info: 'notice',
  hint: 'notice',
};

/** Workflow commands, which GitHub shows as annotations of the changed lines. */
export function githubOf(found: readonly Diagnostic[]): string {
  return found
    .map(({ file, line, column, endLine, endColumn, severity, code, message }) => {
      // GitHub takes columns only for a range within one line.
      const end = line === endLine ? `,endColumn=${Math.max(column, endColumn - 1)}` : '';
      const place = `file=${property(file)},line=${line},endLine=${endLine},col=${column}${end},title=${code}`;
      return `::${GITHUB[severity]} ${place}::${data(message)}\n`;
    })
    .join('');
}

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note', hint: 'note' };

/** SARIF 2.1.0, with every rule that was met; columns count UTF-16 units. */
export function sarifOf(found: readonly Diagnostic[]): object {
  const codes = [...new Set(found.map(({ code }) => code))].sort();
  const rules = codes.map((code) => {
    const entry = CATALOGUE.get(code);
    return {
      id: code,
      shortDescription: { text: entry?.title ?? code },
      fullDescription: { text: entry?.why ?? code },
      defaultConfiguration: { level: LEVEL[entry?.severity ?? 'warning'] },
      properties: { tags: [...(entry?.aliases ?? [])] },
    };
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'ambient', rules } },
        columnKind: 'utf16CodeUnits',
        results: found.map(({ code, severity, message, related, ...place }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level: LEVEL[severity],
          message: { text: message },
          locations: [locationOf(place)],
          ...(related.length > 0 && {
            relatedLocations: related.map((other, index) => ({
              id: index,
              message: { text: other.message },
              ...locationOf(other),
            })),
          }),
        })),
      },
    ],
  };
}

function locationOf({ file, line, column, endLine, endColumn }: Place): object {
  const uri = file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
  return {
    physicalLocation: {
      artifactLocation: { uri },
      region: { startLine: line, startColumn: column, endLine, endColumn },
    },
  };
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
