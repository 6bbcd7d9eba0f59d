// Runs the same suite in a desktop VS Code, which @vscode/test-electron downloads: node test/e2e/desktop.mjs
// Needs npm run build first, and a display. The steps that look into the flow panel are skipped there.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTests } from '@vscode/test-electron';
import { bundleSuite } from './bundle-suite.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
await runTests({
  extensionDevelopmentPath: root,
  extensionTestsPath: await bundleSuite(root),
  launchArgs: [path.join(root, 'runtime', 'apps', 'manifests'), '--disable-extensions'],
});
