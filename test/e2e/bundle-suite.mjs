import path from 'node:path';
import { build } from 'esbuild';

/** Bundles the suite as the extension host loads it; returns its path. */
export async function bundleSuite(root) {
  const outfile = path.join(root, '.cache', 'e2e', 'suite.js');
  await build({
    entryPoints: [path.join(root, 'test', 'e2e', 'suite', 'index.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode', 'mocha'],
    outfile,
    logLevel: 'warning',
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
  });
  return outfile;
}
