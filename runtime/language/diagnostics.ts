import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { DiagnosticSeverity, DiagnosticTag, type Diagnostic as LspDiagnostic } from 'vscode-languageserver/node';
import type { Diagnostic } from '../analysis/diagnostic';
import type { Severity } from '../analysis/rule';
import { rangeOfPlace, uriOf } from './places';
import type { LanguageSession } from './session';

export const SOURCE = 'Ambient';
/** The rules' pages come with the program. */
const PAGES = path.join(__dirname, '..', 'docs', 'rules');

const SEVERITY: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};
/** Outdated versions and advice. */
const DEPRECATED = /^AMB6/;
/** What is written and never counts: it may go. */
const UNNECESSARY = new Set(['AMB4001', 'AMB4002', 'AMB4022', 'AMB4023', 'AMB4024', 'AMB4031', 'AMB4037']);

/** What the settings leave of a file's findings. */
export function findingsOf(session: LanguageSession, file: string): { finding: Diagnostic; severity: Severity }[] {
  const { rules } = session.settings.analysis;
  return session.analysis.diagnosticsOf(file).flatMap((finding) => {
    const severity = rules[finding.code] ?? finding.severity;
    return severity === 'off' ? [] : [{ finding, severity }];
  });
}

/** The diagnostics of a file as a client shows them. */
export function diagnosticsOf(session: LanguageSession, file: string): LspDiagnostic[] {
  return findingsOf(session, file).map(({ finding, severity }) => lspDiagnostic(finding, severity));
}

function lspDiagnostic(finding: Diagnostic, severity: Severity): LspDiagnostic {
  const { code, message, related } = finding;
  const href = pageOf(code);
  const tags = [
    ...(DEPRECATED.test(code) ? [DiagnosticTag.Deprecated] : []),
    ...(UNNECESSARY.has(code) ? [DiagnosticTag.Unnecessary] : []),
  ];
  return {
    range: rangeOfPlace(finding),
    severity: SEVERITY[severity],
    source: SOURCE,
    code,
    ...(href === undefined ? {} : { codeDescription: { href } }),
    message,
    ...(tags.length > 0 ? { tags } : {}),
    ...(related.length > 0
      ? {
          relatedInformation: related.map(({ message: what, file, ...place }) => ({
            message: what,
            location: { uri: uriOf(file), range: rangeOfPlace(place) },
          })),
        }
      : {}),
  };
}

const pages = new Map<string, string | undefined>();

function pageOf(code: string): string | undefined {
  if (!pages.has(code)) {
    const page = path.join(PAGES, `${code}.md`);
    pages.set(code, existsSync(page) ? pathToFileURL(page).href : undefined);
  }
  return pages.get(code);
}
