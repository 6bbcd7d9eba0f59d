import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { analyze, type Diagnostic } from '../analysis/analyze';
import { applyFixes } from '../analysis/apply-fixes';
import { parseFile } from '../analysis/document';
import { SEVERITIES, type Severity } from '../analysis/rule';
import { MeshError } from '../errors';
import { githubOf, sarifOf, textOf } from './analyze-output';

interface AnalyzeCommand {
  output: 'text' | 'json' | 'sarif' | 'github';
  failOn: Severity;
  fix?: boolean;
}

const MANIFEST = /\.(ya?ml|json)$/i;
const SKIPPED = new Set(['node_modules', '.git']);
/** Fixes may uncover others, e.g. behind a version that had no schema; each round applies what does not clash. */
const ROUNDS = 5;

/**
 * `ambient analyze`: judges manifests together, without a cluster.
 *
 * @param paths files and folders; a folder counts with all manifests below it
 * @returns 0, or 1 when a finding is as grave as `failOn` or graver
 * @throws MeshError AMB_ERR_USAGE for a path that cannot be read
 */
export function analyzeCommand(options: AnalyzeCommand, paths: readonly string[]): number {
  const texts = new Map<string, string>();
  for (const given of paths) for (const file of manifestsIn(given)) texts.set(file, readText(file));
  const judge = (): Diagnostic[] => analyze([...texts].map(([file, text]) => parseFile(file, text)));
  let found = judge();
  if (options.fix === true) found = fixAll(texts, found, judge);
  process.stdout.write(render(options.output, found, texts.size));
  const limit = SEVERITIES.indexOf(options.failOn);
  return found.some(({ severity }) => SEVERITIES.indexOf(severity) <= limit) ? 1 : 0;
}

function render(format: AnalyzeCommand['output'], found: readonly Diagnostic[], files: number): string {
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  if (format === 'sarif') return `${JSON.stringify(sarifOf(found))}\n`;
  return format === 'github' ? githubOf(found) : textOf(found, files);
}

/** Takes the fixes that have one right answer, writes the files and tells how many on standard error. */
function fixAll(texts: Map<string, string>, first: Diagnostic[], judge: () => Diagnostic[]): Diagnostic[] {
  let found = first;
  let total = 0;
  const changed = new Set<string>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const safe = found.flatMap(({ fixes }) => fixes.filter((fix) => fix.safe).slice(0, 1));
    const { files, applied } = applyFixes((file) => texts.get(file), safe);
    if (applied === 0) break;
    total += applied;
    for (const [file, text] of files) {
      texts.set(file, text);
      changed.add(file);
    }
    found = judge();
  }
  for (const file of changed) writeFileSync(file, texts.get(file) ?? '');
  process.stderr.write(`fixed: ${total} in ${changed.size} ${changed.size === 1 ? 'file' : 'files'}\n`);
  return found;
}

/** Manifests below a path, sorted; links to folders are not followed. */
function manifestsIn(given: string): string[] {
  const stats = statSync(given, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `There is no ${given}.`,
      remedy: 'Give files or folders that exist.',
    });
  if (!stats.isDirectory()) return [path.normalize(given)];
  return readdirSync(given, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(given, entry.name);
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : manifestsIn(file);
      return entry.isFile() && MANIFEST.test(entry.name) ? [file] : [];
    });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      remedy: 'Give files that you may read.',
    });
  }
}
