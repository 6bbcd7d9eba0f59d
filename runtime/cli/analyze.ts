import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { analyze, type Diagnostic } from '../analysis/analyze';
import { parseFile } from '../analysis/document';
import type { Release } from '../api/crds';
import { ISTIO_VERSIONS, releaseOf } from '../analysis/schemas';
import { fixAll, type AppliedFix } from '../analysis/fix-all';
import { encodeText, encodingOf } from '../analysis/text-encoding';
import { SEVERITIES, type Severity } from '../analysis/rule';
import { MeshError } from '../errors';
import { githubOf, sarifOf, textOf } from './analyze-output';
import { readLiveMesh, type LiveOptions } from './live';
import { readManifests } from './manifests';

interface AnalyzeCommand extends Omit<LiveOptions, 'output'> {
  output: 'text' | 'json' | 'sarif' | 'github';
  failOn: Severity;
  fix?: boolean;
  istioVersion?: string;
}

/**
 * `ambient analyze`: judges manifests together, without a cluster or, with `--live`, against a mesh that runs.
 *
 * @param paths files and folders, a folder with all manifests below it; `-` is standard input
 * @returns 0, or 1 when a finding is as grave as `failOn` or graver
 * @throws MeshError AMB_ERR_USAGE for a path that cannot be read or a version that we do not know, AMB_ERR_NOT_RUNNING with `--live`
 */
export async function analyzeCommand(options: AnalyzeCommand, paths: readonly string[]): Promise<number> {
  if (options.fix === true && paths.includes('-'))
    throw new MeshError('AMB_ERR_USAGE', {
      problem: 'Standard input cannot be fixed in place.',
      remedy: 'Give the file itself, or leave --fix out.',
    });
  const release = releaseNamed(options.istioVersion);
  const texts = readManifests(paths);
  const live = await readLiveMesh({ ...options, live: options.live === true, output: 'text' });
  const judge = (): Diagnostic[] =>
    analyze(
      [...texts].map(([file, text]) => parseFile(file, text, release)),
      live,
    );
  const found = options.fix === true ? fixFiles(texts, judge) : judge();
  process.stdout.write(render(options.output, found, texts.size));
  const limit = SEVERITIES.indexOf(options.failOn);
  return found.some(({ severity }) => SEVERITIES.indexOf(severity) <= limit) ? 1 : 0;
}

/** The release of a version of Istio, `1.31` or `1.31.4`; of the newest for none. */
function releaseNamed(istioVersion: string | undefined): Release {
  const minor = istioVersion && (/^v?(\d+\.\d+)(\.|$)/.exec(istioVersion)?.[1] ?? '');
  if (minor !== undefined && !ISTIO_VERSIONS.includes(minor))
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `The definitions of Istio ${istioVersion} are not known here.`,
      remedy: `Give one of ${ISTIO_VERSIONS.join(', ')}, or the nearest of them.`,
    });
  return releaseOf(minor);
}

function render(format: AnalyzeCommand['output'], found: readonly Diagnostic[], files: number): string {
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  if (format === 'sarif') return `${JSON.stringify(sarifOf(found))}\n`;
  return format === 'github' ? githubOf(found) : textOf(found, files);
}

/** Takes the fixes that have one right answer, writes each changed file whole and tells on standard error what changed. */
function fixFiles(texts: Map<string, string>, judge: () => Diagnostic[]): readonly Diagnostic[] {
  const before = new Map(texts);
  const { applied, found } = fixAll(texts, judge);
  const changed = [...texts].filter(([file, text]) => before.get(file) !== text);
  for (const [file, text] of changed) writeWhole(file, text);
  process.stderr.write(changesOf(applied, changed.length));
  return found;
}

function changesOf(applied: readonly AppliedFix[], files: number): string {
  const lines = applied.map(({ file, line, code, title }) => `${file}:${line}: ${code} ${title}\n`);
  return `${lines.join('')}fixed: ${applied.length} in ${files} ${files === 1 ? 'file' : 'files'}\n`;
}

/** Replaces a file in one step, so that whoever reads it meanwhile, or a crash, finds the old text or the new one. */
function writeWhole(file: string, text: string): void {
  // A link stays a link: what it leads to is replaced.
  const target = realpathSync(file);
  const beside = `${target}.ambient-${process.pid}`;
  try {
    const encoding = encodingOf(readFileSync(target));
    writeFileSync(beside, encodeText(text, encoding), { mode: statSync(target).mode });
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
      remedy: 'Give files in folders that you may write to.',
    });
  }
}
