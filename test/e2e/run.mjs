// Runs the extension's suite in the real VS Code workbench: VS Code's server, a real extension host, Chromium.
// Prints mocha's results and writes them as JSON to the file given; screenshots go to --screenshots DIR.
//   node test/e2e/run.mjs [--results FILE] [--screenshots DIR] [--grep PART_OF_A_TITLE]
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import util from 'node:util';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { bundleAttachedCluster, bundleSuite, bundleVisit } from './bundle-suite.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const option = (name) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const place = (name) => (option(name) === undefined ? undefined : path.resolve(option(name)));
/** What is seen in a workbench without a test host: title, module, and whether folders have to be trusted. */
const VISITS = [
  {
    title: 'a context that looks like production asks before each write',
    visit: async (page, see) =>
      (await import(await bundleVisit(root, 'production'))).productionAsks(page, attached.kubeconfig, see),
  },
  {
    title: 'a folder that is not trusted is judged, and offered no mesh',
    trust: true,
    visit: async (page, see) => (await import(await bundleVisit(root, 'restricted'))).restrictedModeHolds(page, see),
  },
];
const SUITE_TIMEOUT_MS = 540_000;
const SERVER_TIMEOUT_MS = 60_000;

const host = path.join(root, '.cache', 'vscode-host');
const installed = spawnSync('bash', [path.join(root, 'test', 'e2e', 'install.sh'), host], { stdio: 'inherit' });
if (installed.status !== 0) process.exit(3);

const suite = await bundleSuite(root);
const attached = await startAttachedCluster();

const folder = mkdtempSync(path.join(os.tmpdir(), 'ambient-e2e-'));
const at = (...parts) => path.join(folder, ...parts);
for (const part of ['home', 'data/data/User', 'extensions']) mkdirSync(at(part), { recursive: true });
writeFileSync(
  at('data/data/User/settings.json'),
  JSON.stringify({
    'workbench.startupEditor': 'none',
    'telemetry.telemetryLevel': 'off',
    'extensions.autoUpdate': false,
    'extensions.autoCheckUpdates': false,
    'extensions.ignoreRecommendations': true,
    'update.mode': 'none',
    'workbench.enableExperiments': false,
    'git.enabled': false,
    'chat.disableAIFeatures': true,
    'workbench.secondarySideBar.defaultVisibility': 'hidden',
    'workbench.reduceMotion': 'on',
    'breadcrumbs.enabled': false,
    'editor.minimap.enabled': false,
    'editor.stickyScroll.enabled': false,
  }),
);
const workspace = path.join(root, 'runtime', 'apps', 'manifests');
const browserPath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
);
const port = await freePort();
const uri = (file) => ({ scheme: 'vscode-remote', authority: `127.0.0.1:${port}`, path: file });
const results = place('results') ?? at('results.json');
const screenshots = place('screenshots');

/** The cluster for the suite that attaches to one; `kubeconfig` is its path, `stop` ends it and waits. */
async function startAttachedCluster() {
  const cluster = spawn(process.execPath, [await bundleAttachedCluster(root)], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => cluster.once('exit', resolve));
  const [line] = await once(createInterface({ input: cluster.stdout }), 'line');
  return {
    kubeconfig: line,
    stop: () => {
      cluster.stdin.end();
      return ended;
    },
  };
}

/** Resolves with a free port of the loopback interface. */
function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
}

/** Asks until the server answers its first page. */
async function serverReady(deadline) {
  for (;;) {
    const status = await new Promise((resolve) => {
      http
        .get({ host: '127.0.0.1', port, path: '/' }, (response) => (response.resume(), resolve(response.statusCode)))
        .on('error', () => resolve(0));
    });
    if (status === 200) return;
    if (Date.now() > deadline) throw new Error('VS Code server did not answer in time');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Saves a picture of the page where pictures are wanted. */
async function screenshot(page, name) {
  if (screenshots === undefined) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
}

/** The suite reaches the browser through this server: keyboard, screenshots, what is on the page and in the flow panel. */
function automation(page) {
  const panel = () => page.frameLocator('iframe.webview').frameLocator('iframe#active-frame');
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    try {
      if (url.pathname === '/screenshot') {
        await screenshot(page, url.searchParams.get('name'));
        response.end('{}');
      } else if (url.pathname === '/flows') {
        const rows = await panel()
          .locator('#flows tbody tr')
          .evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
        const labels = await panel()
          .locator('#stage g.label[data-id]')
          .evaluateAll((all) => all.map((label) => label.textContent));
        response.end(JSON.stringify({ rows, labels }));
      } else if (url.pathname === '/panel') {
        const link = url.searchParams.get('link');
        if (link !== null) await panel().locator('a', { hasText: link }).first().click();
        response.end(JSON.stringify({ text: await panel().locator('body').innerText() }));
      } else if (url.pathname === '/keyboard') {
        const [press, text] = [url.searchParams.get('press'), url.searchParams.get('type')];
        if (press !== null) await page.keyboard.press(press);
        if (text !== null) await page.keyboard.type(text);
        response.end('{}');
      } else if (url.pathname === '/click') {
        const [selector, button] = [url.searchParams.get('selector'), url.searchParams.get('button')];
        await page
          .locator(selector, { hasText: url.searchParams.get('text') })
          .first()
          .click({ button });
        response.end('{}');
      } else if (url.pathname === '/texts') {
        const texts = await page.locator(url.searchParams.get('selector')).allTextContents();
        response.end(JSON.stringify(texts));
      } else response.writeHead(404).end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

let child;
let browser;
let automationServer;
let exit = 1;
try {
  browser = await chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'],
  });
  const page = await newPage();
  automationServer = await automation(page);
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^(VSCODE_|ELECTRON_|CODE_SERVER_)/.test(key)),
  );
  const node = path.join(host, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  child = spawn(
    node,
    [
      path.join(host, 'server', 'out', 'server-main.js'),
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--without-connection-token',
      '--accept-server-license-terms',
      '--disable-telemetry',
      '--disable-workspace-trust',
      '--server-data-dir',
      at('data'),
      '--extensions-dir',
      at('extensions'),
    ],
    {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...env,
        HOME: at('home'),
        EXTENSIONS_GALLERY: '{}',
        AMBIENT_STATE: at('state'),
        KUBECONFIG: attached.kubeconfig,
        ATTACHED_KUBECONFIG: attached.kubeconfig,
        RESULT_FILE: results,
        // A login shell, which VS Code's server asks, may know another one.
        LAUNCHER_PATH: env.PATH,
        GREP: option('grep') ?? '',
        AUTOMATION: `http://127.0.0.1:${automationServer.address().port}`,
      },
    },
  );
  await serverReady(Date.now() + SERVER_TIMEOUT_MS);
  exit = await runSuite(page);
  await page.close();
  for (const visit of VISITS) if (exit === 0 && visit.title.includes(option('grep') ?? '')) exit = await pay(visit);
} catch (error) {
  console.error(error);
} finally {
  await attached.stop();
  await browser?.close();
  automationServer?.close();
  automationServer?.closeAllConnections();
  if (child?.pid !== undefined) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It ended by itself.
    }
    await ended;
  }
  spawnSync(process.execPath, [path.join(root, 'dist', 'ambient.js'), 'down', '--purge', '--state', at('state')], {
    stdio: 'ignore',
  });
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = exit;

function newPage() {
  return browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
}

/** Opens the workbench with the extension as its developer would; with `trust` no folder is trusted unasked. */
async function openWorkbench(page, options = {}, trust = false) {
  const extensions = [uri(root), uri(path.join(root, 'test', 'e2e', 'yaml-stand-in'))];
  await page.addInitScript(
    ({ development, enableWorkspaceTrust }) => {
      new MutationObserver((_records, observer) => {
        const element = document.getElementById('vscode-workbench-web-configuration');
        if (!element) return;
        observer.disconnect();
        const configuration = JSON.parse(element.getAttribute('data-settings'));
        configuration.developmentOptions = { ...configuration.developmentOptions, ...development };
        if (enableWorkspaceTrust) configuration.enableWorkspaceTrust = true;
        element.setAttribute('data-settings', JSON.stringify(configuration));
      }).observe(document, { childList: true, subtree: true });
    },
    { development: { extensions, ...options }, enableWorkspaceTrust: trust },
  );
  await page.goto(`http://127.0.0.1:${port}/?folder=${workspace}`);
}

/** Sees something in a workbench without a test host; adds it to the results and gives the exit code. */
async function pay({ title, trust, visit }) {
  const page = await newPage();
  await openWorkbench(page, {}, trust);
  const result = { title, state: 'passed' };
  try {
    await visit(page, (name) => screenshot(page, name));
  } catch (error) {
    Object.assign(result, { state: 'failed', error: error.stack });
    await screenshot(page, 'visit-failed');
  }
  await page.close();
  const { tests } = JSON.parse(readFileSync(results, 'utf8'));
  writeFileSync(results, JSON.stringify({ tests: [...tests, result] }));
  tell(result);
  return result.state === 'passed' ? 0 : 1;
}

function tell({ title, state, error }) {
  console.log(`${state === 'passed' ? '✓' : '✗'} ${title}${error ? `\n  ${error}` : ''}`);
}

/** Opens the workbench with the suite, and waits for the suite's end. */
async function runSuite(page) {
  await page.exposeFunction('codeAutomationLog', (_level, args) => console.log(util.format(...args)));
  const ended = new Promise((resolve) => void page.exposeFunction('codeAutomationExit', (code) => resolve(code)));
  const timeout = new Promise((resolve) => setTimeout(() => resolve(124), SUITE_TIMEOUT_MS).unref());
  await openWorkbench(page, { extensionTestsPath: uri(suite) });
  const code = await Promise.race([ended, timeout]);
  if (code === 124) console.error(`the suite did not end within ${SUITE_TIMEOUT_MS / 1000} s`);
  if (existsSync(results)) {
    for (const test of JSON.parse(readFileSync(results, 'utf8')).tests) tell(test);
  }
  return code;
}
