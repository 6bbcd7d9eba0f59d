import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('what is written is what arrives, while memory is collected often', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hbone-'));
  try {
    const program = path.join(folder, 'answers.mjs');
    const entry = path.join(import.meta.dirname, 'answers-under-collection.ts');
    const banner = {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    };
    await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile: program, banner });
    const { stdout } = await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', program]);
    expect(stdout.trim()).toBe('8000 of 8000');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 90_000);
