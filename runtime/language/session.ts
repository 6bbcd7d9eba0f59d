import { Analysis } from '../analysis/analysis';
import { parseFile, type MeshDocument, type ParsedFile } from '../analysis/document';
import type { Mesh } from '../analysis/workspace';
import type { LiveMesh } from '../analysis/live-mesh';
import { releaseOf } from '../analysis/schemas';
import { DEFAULTS, type Settings } from './settings';

const DEBOUNCE_MS = 50;

/** What the session tells: the findings of these files may be others; and the process' time when it began to look. */
type Doubt = (files: ReadonlySet<string>, since: NodeJS.CpuUsage) => void;

/**
 * The texts of open documents and of the workspace's files, and their analysis. Edits wait until typing pauses; whoever
 * asks in between gets an analysis that has them.
 */
export class LanguageSession implements Disposable {
  settings: Settings = DEFAULTS;
  #analysis = new Analysis();
  #live: LiveMesh | undefined;
  /** Texts that the analysis does not have yet; undefined for a file that is gone. */
  readonly #pending = new Map<string, string | undefined>();
  /** Files that the analysis does not have yet. */
  #parsed = new Map<string, ParsedFile | undefined>();
  readonly #doubtful = new Set<string>();
  /** Versions of open documents. */
  readonly #open = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** Until the workspace has been read for the first time, nothing is told. */
  #held = true;

  constructor(private readonly doubt: Doubt) {}

  /** The analysis with all edits in it. */
  get analysis(): Analysis {
    this.#apply();
    return this.#analysis;
  }

  get mesh(): Mesh {
    return this.analysis.mesh;
  }

  isOpen(file: string): boolean {
    return this.#open.has(file);
  }

  file(file: string): ParsedFile | undefined {
    return this.analysis.file(file);
  }

  /** The object of a file around an offset, if there is one. */
  documentAt(file: string, offset: number): MeshDocument | undefined {
    return this.file(file)?.documents.find(({ root: { range } }) => range.start <= offset && offset <= range.end);
  }

  versionOf(file: string): number | undefined {
    return this.#open.get(file);
  }

  /** Takes the text of a document that has been opened or edited. */
  edit(file: string, text: string, version: number): void {
    const isNew = !this.#open.has(file);
    this.#open.set(file, version);
    this.#pending.set(file, text);
    this.#schedule(isNew ? 0 : DEBOUNCE_MS);
  }

  /** @param text what the file holds on disk, undefined for a document that is no file */
  close(file: string, text: string | undefined): void {
    this.#open.delete(file);
    this.#pending.set(file, text);
    this.#schedule(0);
  }

  /** Takes a file's text from disk; an open document has a newer one. */
  read(file: string, text: string | undefined): void {
    if (this.#open.has(file)) return;
    this.#pending.set(file, text);
    this.#schedule(DEBOUNCE_MS);
  }

  /** Takes what a running mesh holds; undefined when none runs any more. */
  setLive(live: LiveMesh | undefined): void {
    this.#live = live;
    for (const file of this.analysis.setLive(live)) this.#doubtful.add(file);
    this.#schedule(0);
  }

  /** Takes other settings: other definitions judge all fields anew, anything else changes only what is told. */
  adopt(settings: Settings): void {
    const { istioVersion } = this.settings.analysis;
    this.settings = settings;
    if (settings.analysis.istioVersion !== istioVersion) this.#restart();
    for (const file of this.#analysis.files) this.#doubtful.add(file);
    this.#schedule(0);
  }

  #restart(): void {
    const texts = this.#analysis.files.map((file) => [file, this.#analysis.file(file)?.source.text] as const);
    for (const [file, text] of texts) if (!this.#pending.has(file)) this.#pending.set(file, text);
    for (const [file] of texts) this.#doubtful.add(file);
    this.#analysis = new Analysis();
    this.#analysis.setLive(this.#live);
  }

  /** While files are gathered, nothing is told: what one refers to may come with the next. */
  async holding(gather: () => Promise<void>): Promise<void> {
    this.#held = true;
    try {
      await gather();
    } finally {
      this.#held = false;
      this.#schedule(0);
    }
  }

  /** Parses what waits so far, to spread the work of many files. */
  prepare(): void {
    for (const [file, text] of this.#pending) this.#parsed.set(file, this.#parse(file, text));
    this.#pending.clear();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (this.#held) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), ms);
  }

  #tell(): void {
    const since = process.cpuUsage();
    this.#apply();
    const files = new Set(this.#doubtful);
    this.#doubtful.clear();
    this.doubt(files, since);
  }

  #apply(): void {
    if (this.#pending.size === 0 && this.#parsed.size === 0) return;
    this.prepare();
    const changes = this.#parsed;
    this.#parsed = new Map();
    for (const file of this.#analysis.update(changes)) this.#doubtful.add(file);
  }

  #parse(file: string, text: string | undefined): ParsedFile | undefined {
    if (text === undefined) return undefined;
    const parsed = parseFile(file, text, releaseOf(this.settings.analysis.istioVersion));
    // A file of another kind costs no memory unless it is open, where completion may be asked for.
    const ours = parsed.documents.length > 0 || parsed.problems.length > 0 || parsed.templated;
    return ours || this.#open.has(file) ? parsed : undefined;
  }
}
