// Builds the project: `node build.mjs setup|build|demo|test [--no-install] [--watch]`.
// Runs on the machine's own Node (20.20 or later), before anything is installed.
//   setup  npm packages, as the lockfile pins them
//   build  setup, then protobuf code, eBPF objects, the CNI plugin and the bundles in dist/
//   demo   build, plus the system packages that a mesh uses
//   test   build, plus the system packages that the tests use
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const [goal = 'build', ...flags] = process.argv.slice(2);
const install = !flags.includes('--no-install');
const file = (...parts) => path.join(root, ...parts);
const bin = (name) => file('node_modules', '.bin', name);

/** Runs a command in the project's root and ends the build with its message when it fails. */
function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (done.status !== 0) {
    console.error(`${command} ${args.join(' ')} failed${done.error ? `: ${done.error.message}` : ''}`);
    process.exit(3);
  }
}

const has = (command) =>
  spawnSync('sh', ['-c', `command -v ${command}`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  }).status === 0;
const hasLibrary = (name) =>
  spawnSync('sh', [
    '-c',
    `ls /lib/*/${name} /usr/lib/*/${name} /usr/lib64/${name} /usr/lib/${name} 2>/dev/null | grep -q .`,
  ]).status === 0;

/** Installs the pinned npm packages unless the lockfile's copy in node_modules is already this one. */
function packages() {
  const stamp = file('node_modules', '.ambient-lock');
  const lock = createHash('sha256')
    .update(readFileSync(file('package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  if (!install) {
    if (existsSync(file('node_modules'))) return;
    console.error('node_modules is missing; run without --no-install, or npm install.');
    process.exit(3);
  }
  console.error('installing npm packages ...');
  // Not `npm ci`: it refuses a lockfile without the packages of platforms that the registry in use does not have.
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };
  run('npm', ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], quiet);
  writeFileSync(stamp, lock);
}

const system = {
  demo: [
    ['iproute2', () => has('ip')],
    ['nftables', () => has('nft')],
    ['util-linux', () => has('unshare') && has('nsenter') && has('setpriv')],
    ['libbpf1', () => hasLibrary('libbpf.so.1')],
    ['clang', () => has('clang')],
    ['libbpf-dev', () => existsSync('/usr/include/bpf/bpf_helpers.h')],
  ],
};
system.test = [
  ...system.demo,
  ['tcpdump', () => has('tcpdump')],
  ['chromium-headless-shell', () => has('chromium-headless-shell') || has('chromium') || has('google-chrome')],
  ['fonts-dejavu-core', () => existsSync('/usr/share/fonts/truetype/dejavu')],
  ['golang', () => has('go')],
  ['g++', () => has('g++')],
  ['make', () => has('make')],
];

/** Installs missing system packages with apt: as root without asking, on a terminal after asking. */
async function systemPackages(list) {
  if (process.platform !== 'linux') return;
  const missing = list.filter(([, present]) => !present()).map(([name]) => name);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!install || !has('apt-get') || process.getuid() !== 0) {
    console.error(
      `missing system packages: ${missing.join(', ')}. Install them with your package manager, on Debian and Ubuntu: sudo ${command}`,
    );
    return;
  }
  if (process.stdin.isTTY) {
    const ask = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await ask.question(`Install ${missing.join(', ')} with apt? [Y/n] `);
    ask.close();
    if (/^n/i.test(answer)) return;
  }
  console.error(`installing ${missing.join(', ')} ...`);
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  run('apt-get', ['update', '-qq'], quiet);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], quiet);
}

/** Everything in the tree that a bundle is made from, as one digest; the build is skipped when it has not changed. */
function sourcesDigest() {
  const hash = createHash('sha256')
    .update(readFileSync(file('package-lock.json')))
    .update(has('clang') ? 'clang' : '')
    .update(has('ld.lld') ? 'lld' : '');
  const visit = (folder) => {
    for (const entry of readdirSync(file(folder), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = path.join(folder, entry.name);
      if (name === path.join('runtime', 'proto', 'gen') || entry.name.endsWith('.o')) continue;
      if (entry.isDirectory()) visit(name);
      else hash.update(name).update(readFileSync(file(name)));
    }
  };
  for (const folder of ['extension', 'webview', 'runtime', 'bpf']) visit(folder);
  return hash.update(readFileSync(file('build.mjs'))).digest('hex');
}

/** Compiles each bpf/*.bpf.c with clang; without clang the mesh falls back to nftables and says so. */
function bpfObjects() {
  const sources = readdirSync(file('bpf')).filter((name) => name.endsWith('.bpf.c'));
  if (sources.length === 0) return;
  if (!has('clang') || !existsSync('/usr/include/bpf/bpf_helpers.h')) {
    console.error(
      'clang or libbpf headers are missing: building without eBPF objects (apt-get install clang libbpf-dev).',
    );
    return;
  }
  mkdirSync(file('dist', 'bpf'), { recursive: true });
  const machine = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch];
  for (const name of sources) {
    const object = file('dist', 'bpf', name.replace(/\.bpf\.c$/, '.bpf.o'));
    run('clang', [
      '-O2',
      '-g',
      '-Wall',
      '-Werror',
      '-target',
      'bpf',
      '-I',
      `/usr/include/${machine}`,
      '-c',
      file('bpf', name),
      '-o',
      object,
    ]);
  }
}

/**
 * Compiles the CNI plugin, which links no libc: for this machine's architecture by its own linker, for the other one where
 * lld is installed. Without it a kind cluster's new pods are captured when they run.
 */
function cniPlugins() {
  if (!has('clang')) return;
  mkdirSync(file('dist', 'cni'), { recursive: true });
  const quiet = ['-fno-builtin', '-fno-stack-protector', '-fno-asynchronous-unwind-tables'];
  const alone = ['-ffreestanding', '-nostdlib', '-static', '-Wl,--build-id=none', '-Wl,-s'];
  for (const [arch, machine] of Object.entries({ x64: 'x86_64', arm64: 'aarch64' })) {
    const linker = has('ld.lld') ? ['-fuse-ld=lld'] : [];
    if (linker.length === 0 && arch !== process.arch) continue;
    const target = [`--target=${machine}-linux-gnu`, ...linker];
    const output = ['-o', file('dist', 'cni', `ambient-cni-${arch}`)];
    run('clang', [
      ...target,
      '-Os',
      '-Wall',
      '-Wextra',
      '-Werror',
      ...quiet,
      ...alone,
      ...output,
      file('runtime', 'agent', 'cni', 'ambient-cni.c'),
    ]);
  }
}

const processes = [
  'cli/ambient',
  'cluster/supervisor',
  'engine/container/main',
  'istiod/main',
  'agent/main',
  'ztunnel/main',
  'waypoint/main',
  'apps/main',
  'language/main',
];
const bundleName = (entry) => path.basename(entry.endsWith('/main') ? path.dirname(entry) : entry);

/**
 * An esbuild plugin for the extension: what it imports on demand comes into bundles of their own, so that activation
 * reads and compiles none of it. `targets` gathers, for each of these bundles, the modules that it has to have.
 */
function onDemand(targets) {
  return {
    name: 'on-demand',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /.*/ }, async ({ kind, path: wanted, importer, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined;
        const found = await resolve(wanted, { kind: 'import-statement', importer, resolveDir });
        if (found.errors.length > 0) return found;
        const bundle = path.basename(path.dirname(importer)) === 'language' ? 'language-client' : 'mesh-library';
        (targets[bundle] ??= new Set()).add(found.path);
        return { path: found.path, namespace: 'on-demand', pluginData: bundle };
      });
      onResolve({ filter: /^\.\/(?:language-client|mesh-library)\.js$/ }, (at) => ({ path: at.path, external: true }));
      onLoad({ filter: /.*/, namespace: 'on-demand' }, ({ path: target, pluginData: bundle }) => ({
        contents: `module.exports = require('./${bundle}.js')[${JSON.stringify(path.relative(root, target))}];`,
      }));
    },
  };
}

/** Bundles the extension, then what it imports on demand. */
async function extensionBundles(options) {
  const { build } = await import('esbuild');
  const targets = {};
  const plugins = [onFirstCall, onDemand(targets)];
  await build({
    ...options,
    plugins,
    entryPoints: { extension: file('extension', 'extension.ts') },
    outdir: file('dist'),
  });
  for (const [bundle, modules] of Object.entries(targets)) {
    const getters = [...modules].map((module) => {
      const name = JSON.stringify(path.relative(root, module));
      return `get ${name}() { return require(${JSON.stringify(module)}); }`;
    });
    const stdin = { contents: `module.exports = { ${getters.join(', ')} };`, resolveDir: root };
    await build({ ...options, plugins: [onFirstCall], stdin, outfile: file('dist', `${bundle}.js`) });
  }
}

/**
 * An esbuild plugin: parts of dockerode that few engines need (SSH, and gRPC for BuildKit) are evaluated when they are
 * first called. They are two thirds of its loading time.
 */
const onFirstCall = {
  name: 'on-first-call',
  setup({ onLoad }) {
    const filter = /node_modules.(?:dockerode.lib.docker|docker-modem.lib.modem)\.js$/;
    onLoad({ filter }, ({ path: source }) => {
      const before = readFileSync(source, 'utf8');
      const contents = before.replace(
        /\b(ssh|withSession) = (require\('\.\/\w+'\))/,
        '$1 = function () { return $2.apply(this, arguments); }',
      );
      return contents === before ? { errors: [{ text: `${source} requires neither ssh nor session` }] } : { contents };
    });
  },
};

/** Bundles every process, the extension and the web pages into dist/. */
async function bundles() {
  const { build } = await import('esbuild');
  const node = {
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    sourcemap: 'linked',
    minify: true,
    keepNames: true,
    logLevel: 'warning',
  };
  // Optional addons of dockerode's ssh client, which does without them.
  const external = ['koffi', 'lmdb', 'vscode', 'cpu-features', '*.node'];
  // Some dependencies are ES modules that ask for import.meta.url; in a CommonJS bundle that is this file.
  const meta = {
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
  };
  const present = processes.filter((entry) => existsSync(file('runtime', `${entry}.ts`)));
  const web = ['webview/flow/main.ts', 'webview/flow/standalone.ts'].filter((entry) => existsSync(file(entry)));
  const jobs = [
    build({
      ...node,
      ...meta,
      external,
      plugins: [onFirstCall],
      entryPoints: Object.fromEntries(present.map((entry) => [bundleName(entry), file('runtime', `${entry}.ts`)])),
      outdir: file('dist'),
    }),
    build({
      bundle: true,
      platform: 'browser',
      target: 'chrome120',
      format: 'iife',
      minify: true,
      logLevel: 'warning',
      entryPoints: web.map((entry) => file(entry)),
      outbase: file('webview'),
      outdir: file('dist', 'webview'),
      loader: { '.css': 'text', '.ttf': 'dataurl' },
    }),
  ];
  if (existsSync(file('extension', 'extension.ts'))) jobs.push(extensionBundles({ ...node, ...meta, external }));
  await Promise.all(jobs);
  for (const engine of ['kind', 'container'])
    cpSync(file('runtime', 'engine', engine, 'image'), file('dist', engine), { recursive: true });
  for (const assets of ['runtime/apps/manifests', 'runtime/engine/manifests']) {
    if (existsSync(file(assets)))
      cpSync(file(assets), file('dist', 'manifests', path.basename(path.dirname(assets))), { recursive: true });
  }
}

packages();
if (goal !== 'setup') {
  if (goal === 'demo' || goal === 'test') await systemPackages(system[goal]);
  const stamp = file('dist', '.digest');
  const digest = sourcesDigest();
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    rmSync(file('dist'), { recursive: true, force: true });
    mkdirSync(file('dist'), { recursive: true });
    const env = { ...process.env, PATH: `${file('node_modules', '.bin')}:${process.env.PATH}` };
    run(bin('buf'), ['generate'], { cwd: file('runtime', 'proto'), env });
    bpfObjects();
    cniPlugins();
    await bundles();
    writeFileSync(stamp, digest);
  }
}
