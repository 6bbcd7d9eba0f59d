import { FileChangeType, type FileEvent } from 'vscode-languageserver/node';
import { fileOf } from './places';
import type { LanguageSession } from './session';
import { isIncluded, MANIFEST, manifestsBelow, MANY_FILES, textOf } from './workspace-files';

/** So many files are read before requests get their turn. */
const BATCH = 20;

/** The manifests of the workspace's folders: read once, then as the client tells of changes. */
export class WorkspaceWatch {
  folders: readonly string[] = [];
  #first: () => void = () => {};
  /** Resolves when the workspace has been read once. */
  readonly scanned = new Promise<void>((resolve) => (this.#first = resolve));
  #last: Promise<void> = Promise.resolve();
  /** There are more manifests than are read. */
  truncated = false;
  readonly #known = new Set<string>();

  constructor(
    private readonly session: LanguageSession,
    private readonly tell: (problem: string) => void,
  ) {}

  /** Whether a file belongs to the workspace. */
  covers(file: string): boolean {
    const { exclude } = this.session.settings.analysis;
    return this.folders.some((folder) => file.startsWith(`${folder}/`) && isIncluded(folder, file, exclude));
  }

  /**
   * Reads all manifests, and forgets those that are there no longer.
   *
   * @param report how many have been read
   * @param cancelled asked between files; what has been read until then counts
   */
  scan(report: (count: number) => void, cancelled: () => boolean): Promise<void> {
    this.#last = this.#last
      .then(() => this.session.holding(() => this.#scan(report, cancelled)))
      .finally(() => this.#first());
    return this.#last;
  }

  async #scan(report: (count: number) => void, cancelled: () => boolean): Promise<void> {
    const found = new Set<string>();
    this.truncated = false;
    for (const folder of this.folders)
      for await (const path of manifestsBelow(folder, this.session.settings.analysis.exclude)) {
        if (cancelled()) return;
        if (found.size >= MANY_FILES) {
          this.truncated = true;
          break;
        }
        const file = path.replaceAll('\\', '/');
        found.add(file);
        this.session.read(file, await textOf(file));
        if (found.size % BATCH !== 0) continue;
        this.session.prepare();
        report(found.size);
        await new Promise((resolve) => setImmediate(resolve));
      }
    for (const file of this.#known) if (!found.has(file)) this.session.read(file, undefined);
    this.#known.clear();
    for (const file of found) this.#known.add(file);
    if (this.truncated) this.tell(`The workspace has more than ${MANY_FILES} manifests; the others are not analysed.`);
  }

  /** Takes the client's word that files were made, changed or removed. */
  async changed(changes: readonly FileEvent[]): Promise<void> {
    await this.#last;
    for (const { uri, type } of changes) {
      const file = fileOf(uri);
      if (!MANIFEST.test(file) || !this.covers(file)) continue;
      const text = type === FileChangeType.Deleted ? undefined : await textOf(file);
      if (text === undefined) this.#known.delete(file);
      else this.#known.add(file);
      this.session.read(file, text);
    }
  }
}
