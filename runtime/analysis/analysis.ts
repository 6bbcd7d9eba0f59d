import { RULES } from './catalogue';
import { Dependencies, type Reader } from './dependencies';
import { byPlace, diagnosticAt, diagnosticIn, type Diagnostic, type Finding } from './diagnostic';
import type { MeshDocument, ParsedFile } from './document';
import { DocumentIndex, listName } from './document-index';
import { kustomizePatches } from './kustomize';
import { keyOf, LIVE, type LiveMesh } from './live-mesh';
import { SEVERITIES, type Rule } from './rule';
import { indexedMesh, modeName, modesOf, type Mesh, type MeshMode, type Modes } from './workspace';

/** A document with what its rules found, and what they read for it. */
interface Judged extends Reader {
  readonly document: MeshDocument;
  found: readonly Diagnostic[];
}

interface AnalysedFile {
  readonly parsed: ParsedFile;
  readonly judged: readonly Judged[];
}

/** What a finding depends on that has a fix or a related place in another file. */
const textName = (file: string): string => `text ${file}`;

const RULES_BY_KIND = new Map<string, Rule[]>();
for (const rule of RULES)
  for (const kind of rule.kinds) RULES_BY_KIND.set(kind, [...(RULES_BY_KIND.get(kind) ?? []), rule]);

/**
 * Files judged together, again and again as they change: after an update the rules run of the documents that it changed,
 * and of those whose rules have read what it changed. The findings are those that judging all files anew would give.
 */
export class Analysis {
  readonly #files = new Map<string, AnalysedFile>();
  readonly #index = new DocumentIndex();
  readonly #dependencies = new Dependencies();
  #modes: Modes = () => 'unknown';
  /** Namespaces whose mode anyone has asked for. */
  readonly #asked = new Set<string>();
  /** Files that kustomizations name as patches. */
  #patches: ReadonlySet<string> = new Set();
  #kustomizations: ReadonlySet<string> = new Set();
  #live: LiveMesh | undefined;
  /** By `keyOf`: what the mesh holds, and whether it stands in the index, because no file writes it. */
  readonly #liveByKey = new Map<string, { readonly document: MeshDocument; shown: boolean }>();
  /** All documents, for rules and for whoever else asks; each answer holds until the next update. */
  readonly mesh: Mesh = indexedMesh(
    this.#index,
    (namespace) => this.#modeOf(namespace),
    this.#dependencies,
    () => this.#live,
  );

  /** The files that have been told of, sorted. */
  get files(): string[] {
    return [...this.#files.keys()].sort();
  }

  file(name: string): ParsedFile | undefined {
    return this.#files.get(name)?.parsed;
  }

  /** Sorted by place. What an update made doubtful is judged here: files that nobody asks about cost nothing. */
  diagnosticsOf(name: string): Diagnostic[] {
    const file = this.#files.get(name);
    if (file === undefined) return [];
    for (const one of file.judged) if (one.stale) one.found = this.#judge(one);
    const { source, problems } = file.parsed;
    const inText = problems.map(({ code, message, range, fixes }) =>
      diagnosticIn(source, range, { code, message, options: { fixes } }),
    );
    return [...inText.filter((one) => one !== undefined), ...file.judged.flatMap(({ found }) => found)].sort(byPlace);
  }

  /** Of all files, sorted by file and place. */
  diagnostics(): Diagnostic[] {
    return this.files.flatMap((name) => this.diagnosticsOf(name));
  }

  /**
   * Takes files that are new, have changed or are gone (undefined).
   *
   * @returns the files whose findings may be others now
   */
  update(changes: Iterable<readonly [file: string, parsed: ParsedFile | undefined]>): Set<string> {
    const given = new Map(changes);
    const patches = this.#patchesWith(given);
    for (const name of [...patches, ...this.#patches])
      if (patches.has(name) !== this.#patches.has(name) && !given.has(name) && this.#files.has(name))
        given.set(name, this.file(name));
    this.#patches = patches;

    const changed = new Set<string>();
    const keys = new Set<string>();
    for (const [name, parsed] of given) {
      changed.add(textName(name));
      for (const { document } of this.#files.get(name)?.judged ?? []) keys.add(keyOf(document));
      for (const list of this.#replace(name, parsed)) changed.add(list);
      for (const { document } of this.#files.get(name)?.judged ?? []) keys.add(keyOf(document));
    }
    for (const list of this.#showLive(keys)) changed.add(list);
    return new Set([...given.keys(), ...this.#settle(changed)]);
  }

  /**
   * Takes what a mesh holds, in place of what it held; undefined when there is none any more. Its objects are judged by
   * nobody: they are what the files refer to, where no file writes them.
   *
   * @returns the files whose findings may be others now
   */
  setLive(live: LiveMesh | undefined): Set<string> {
    const keys = new Set(this.#liveByKey.keys());
    const changed = new Set([LIVE]);
    for (const { document, shown } of this.#liveByKey.values())
      if (shown) for (const list of this.#index.replace(document.source.file, [document], [])) changed.add(list);
    this.#liveByKey.clear();
    for (const document of live?.documents ?? []) {
      const key = keyOf(document);
      this.#liveByKey.set(key, { document, shown: false });
      keys.add(key);
    }
    this.#live = live;
    for (const list of this.#showLive(keys)) changed.add(list);
    return new Set(this.#settle(changed));
  }

  /** Puts into the index what the mesh holds of these and no file writes, and takes out what one now writes. */
  #showLive(keys: Iterable<string>): Set<string> {
    const changed = new Set<string>();
    for (const key of keys) {
      const live = this.#liveByKey.get(key);
      if (live === undefined) continue;
      const { document, shown } = live;
      const { group, kind, namespace, name } = document;
      const written = this.#index
        .list(listName.name(`${group}/${kind}`, namespace, name))
        .some((other) => other !== document);
      if (written !== shown) continue;
      live.shown = !shown;
      const [before, after] = shown ? [[document], []] : [[], [document]];
      for (const list of this.#index.replace(document.source.file, before, after)) changed.add(list);
    }
    return changed;
  }

  /** @returns the files whose findings may be others, because what their rules have read has changed */
  #settle(changed: Set<string>): string[] {
    for (const mode of this.#changedModes()) changed.add(mode);
    this.#dependencies.changed(changed);
    const stale = [...this.#files].filter(([, { judged }]) => judged.some((one) => one.stale));
    return stale.map(([name]) => name);
  }

  #patchesWith(given: ReadonlyMap<string, ParsedFile | undefined>): ReadonlySet<string> {
    const isKustomization = (parsed: ParsedFile | undefined): boolean =>
      parsed?.documents.some(({ group }) => group === 'kustomize.config.k8s.io') ?? false;
    const concerned = [...given].some(([name, parsed]) => this.#kustomizations.has(name) || isKustomization(parsed));
    if (!concerned) return this.#patches;
    const kustomizations = new Map([...this.#kustomizations].map((name) => [name, this.#files.get(name)?.parsed]));
    for (const [name, parsed] of given) kustomizations.set(name, parsed);
    const kept = [...kustomizations].filter(([, parsed]) => isKustomization(parsed));
    this.#kustomizations = new Set(kept.map(([name]) => name));
    return kustomizePatches(kept.map(([, parsed]) => parsed).filter((parsed) => parsed !== undefined));
  }

  /** @returns the names of what the index now says otherwise */
  #replace(name: string, parsed: ParsedFile | undefined): Set<string> {
    const before = this.#files.get(name)?.judged ?? [];
    for (const reader of before) this.#dependencies.forget(reader);
    const documents = this.#patches.has(name) ? [] : (parsed?.documents ?? []);
    const judged = documents.map((document): Judged => ({ document, reads: new Set(), stale: true, found: [] }));
    if (parsed === undefined) this.#files.delete(name);
    else this.#files.set(name, { parsed, judged });
    return this.#index.replace(
      name,
      before.map(({ document }) => document),
      documents,
    );
  }

  #modeOf(namespace: string): MeshMode {
    this.#asked.add(namespace);
    return this.#modes(namespace);
  }

  #changedModes(): string[] {
    const before = this.#modes;
    this.#modes = modesOf(this.#index);
    return [...this.#asked].filter((namespace) => before(namespace) !== this.#modes(namespace)).map(modeName);
  }

  #judge(judged: Judged): Diagnostic[] {
    const { document } = judged;
    return this.#dependencies.run(judged, () => {
      const found: Diagnostic[] = [];
      const add = (diagnostic: Diagnostic | undefined): void => {
        if (diagnostic === undefined) return;
        found.push(diagnostic);
        const places = [...diagnostic.related, ...diagnostic.fixes.flatMap(({ edits }) => edits)];
        for (const { file } of places) if (file !== document.source.file) this.#dependencies.read(textName(file));
      };
      for (const { code, path, message, severity } of document.misfits)
        add(
          diagnosticAt(document, path, {
            code,
            message,
            severity,
            options: { atKey: code === 'AMB1005' && path[0] !== 'kind' },
          }),
        );
      for (const rule of RULES_BY_KIND.get(`${document.group}/${document.kind}`) ?? [])
        runRule(rule, document, this.mesh, (path, finding) => add(diagnosticAt(document, path, finding)));
      return found;
    });
  }
}

function runRule(
  rule: Rule,
  document: MeshDocument,
  mesh: Mesh,
  found: (path: readonly (string | number)[], finding: Finding) => void,
): void {
  if (rule.scope === 'live' && mesh.live === undefined) return;
  const mode = rule.ambient ? mesh.modeOf(document.namespace || document.name) : 'ambient';
  if (mode === 'sidecar') return;
  rule.check({
    document,
    mesh,
    report(path, message, options) {
      const severity = options?.severity ?? rule.severity;
      const unsure = mode === 'unknown' && SEVERITIES.indexOf(severity) < SEVERITIES.indexOf('info');
      found(path, {
        code: rule.code,
        message: unsure ? `In ambient mode: ${message}` : message,
        severity: unsure ? 'info' : severity,
        options,
      });
    },
  });
}
