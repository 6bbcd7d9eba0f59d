import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { fixtures } from '../analysis/fixture';
import type { Campaign } from './campaign';

const APPS = path.join(import.meta.dirname, '..', '..', 'runtime', 'apps', 'manifests');
/** Half of what the language server's own process gets by default is enough for any text. MiB. */
const MEMORY = 512;

/** Builds the campaign's program; its folder is the caller's to dispose of. */
export function campaignProgram(): { readonly file: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'ambient-hostile-'));
  const file = path.join(folder, 'campaign.cjs');
  const entryPoints = [path.join(import.meta.dirname, 'campaign.ts')];
  buildSync({ entryPoints, bundle: true, platform: 'node', format: 'cjs', outfile: file, logLevel: 'error' });
  return { file, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What the mutations begin with: the bookshop and every fixture. */
export function realManifests(): string[] {
  const bookshop = readdirSync(APPS).map((name) => readFileSync(path.join(APPS, name), 'utf8'));
  return [...bookshop, ...fixtures().map(({ text }) => text)];
}

/**
 * Runs a campaign in a process with little memory.
 *
 * @param limit milliseconds after which it is taken to hang
 * @returns what went wrong, empty when nothing did
 */
export function runCampaign(file: string, campaign: Campaign, limit: number): string {
  const { status, signal, stderr } = spawnSync(process.execPath, [`--max-old-space-size=${MEMORY}`, file], {
    input: JSON.stringify(campaign),
    encoding: 'utf8',
    timeout: limit,
    killSignal: 'SIGKILL',
  });
  if (status === 0) return '';
  return `ended with ${signal ?? status}: ${stderr.slice(0, 5000)}`;
}
