import path from 'node:path';
import { build } from 'esbuild';

/** Bundles the suite as the extension host loads it; returns its path. */
export function bundleSuite(root) {
  return bundle(root, path.join('suite', 'index.ts'), 'suite.js', ['vscode', 'mocha']);
}

/** Bundles the program that plays the attached cluster; returns its path. */
export function bundleAttachedCluster(root) {
  return bundle(root, 'attached-cluster.ts', 'attached-cluster.js', ['koffi', 'lmdb', 'vitest']);
}

/** Bundles what is seen without a test host, by the name of its module; returns its path. */
export function bundleVisit(root, name) {
  return bundle(root, `${name}.ts`, `${name}.js`, []);
}

async function bundle(root, entry, name, external) {
  const outfile = path.join(root, '.cache', 'e2e', name);
  await build({
    entryPoints: [path.join(root, 'test', 'e2e', entry)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external,
    outfile,
    logLevel: 'warning',
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
  });
  return outfile;
}
