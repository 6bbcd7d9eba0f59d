import { DiagnosticSeverity, type Connection } from 'vscode-languageserver/node';
import { releaseOf } from '../analysis/schemas';
import { diagnosticsOf } from './diagnostics';
import { uriOf } from './places';
import type { AnalysisStatus } from './protocol';
import type { LanguageSession } from './session';

interface Sent {
  readonly text: string;
  readonly errors: number;
  readonly warnings: number;
}

/**
 * Sends findings to the client: those of open documents, or of all files when the settings or the user's command say so.
 * What a closed file had before is not sent again.
 */
export class DiagnosticsPublisher {
  readonly #sent = new Map<string, Sent>();
  #asked = false;
  #all = false;
  /** Milliseconds of processor time of the last analysis, with its findings sent. */
  #tookMs = 0;

  constructor(
    private readonly connection: Connection,
    private readonly session: LanguageSession,
  ) {}

  /**
   * Sends what is new of these files.
   *
   * @param since the process' time when the analysis began
   */
  publish(files: ReadonlySet<string>, since = process.cpuUsage()): void {
    const all = this.#asked || this.session.settings.analysis.scope === 'workspace';
    const everywhere = all !== this.#all ? [...this.session.analysis.files, ...this.#sent.keys()] : [];
    this.#all = all;
    const open = [...files].filter((file) => this.session.isOpen(file));
    for (const file of new Set([...open, ...files, ...everywhere])) this.#send(file);
    const { user, system } = process.cpuUsage(since);
    this.#tookMs = (user + system) / 1000;
  }

  /** From now on all files, until the client ends. */
  publishAll(): void {
    this.#asked = true;
    this.publish(new Set());
  }

  status(truncated: boolean): AnalysisStatus {
    const { analysis, settings } = this.session;
    const { files } = analysis;
    const sum = (of: 'errors' | 'warnings'): number =>
      [...this.#sent.values()].reduce((all, sent) => all + sent[of], 0);
    return {
      files: files.length,
      documents: files.reduce((all, file) => all + (analysis.file(file)?.documents.length ?? 0), 0),
      errors: sum('errors'),
      warnings: sum('warnings'),
      tookMs: Math.round(this.#tookMs * 10) / 10,
      truncated,
      istioVersion: releaseOf(settings.analysis.istioVersion).istio,
    };
  }

  #send(file: string): void {
    const isOpen = this.session.isOpen(file);
    const diagnostics = this.#all || isOpen ? diagnosticsOf(this.session, file) : [];
    const text = JSON.stringify(diagnostics);
    // Who has an open document waits for the findings of its version, even if they are those of the version before.
    if (!isOpen && text === (this.#sent.get(file)?.text ?? '[]')) return;
    const count = (severity: DiagnosticSeverity): number =>
      diagnostics.filter((one) => one.severity === severity).length;
    if (diagnostics.length === 0) this.#sent.delete(file);
    else
      this.#sent.set(file, {
        text,
        errors: count(DiagnosticSeverity.Error),
        warnings: count(DiagnosticSeverity.Warning),
      });
    void this.connection.sendDiagnostics({ uri: uriOf(file), version: this.session.versionOf(file), diagnostics });
  }
}
