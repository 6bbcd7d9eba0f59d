// Makes the image that the runtime's Dockerfile starts FROM where no registry can be reached: a tree of this machine's
// own Debian packages with its Node, imported under the same name.
import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const BASE_IMAGE = 'node:24-bookworm-slim';
const PACKAGES = [
  'base-files',
  'bash',
  'dash',
  'coreutils',
  'util-linux',
  'mount',
  'iproute2',
  'nftables',
  'libbpf1',
  'libstdc++6',
];

const lines = (command, args) => execFileSync(command, args, { encoding: 'utf8' }).split('\n').filter(Boolean);

/** Installed packages with everything that they depend on. */
function closure(names) {
  const depends = ['depends', '--recurse', '--installed', '--no-recommends', '--no-suggests', '--no-conflicts'];
  const more = ['--no-breaks', '--no-replaces', '--no-enhances'];
  const found = lines('apt-cache', [...depends, ...more, ...names]);
  const installed = new Set(lines('dpkg-query', ['-W', '-f', '${Package}\n']));
  return [...new Set(found.filter((line) => /^[a-z0-9]/.test(line)).map((line) => line.replace(/:.*/, '')))].filter(
    (name) => installed.has(name),
  );
}

/** Files of packages, by their real places below /usr, without documentation. */
function filesOf(packages) {
  const files = new Set();
  for (const file of lines('dpkg', ['-L', ...packages])) {
    if (!file.startsWith('/') || /^\/usr\/share\/(?:doc|man|locale|info|lintian|bug)\b/.test(file)) continue;
    const kind = lstatSync(file, { throwIfNoEntry: false });
    if (kind === undefined || kind.isDirectory()) continue;
    files.add(path.join(realpathSync(path.dirname(file)), path.basename(file)).slice(1));
  }
  return [...files];
}

/** True when Docker has the image, or can pull it. */
function isThere() {
  for (const args of [
    ['image', 'inspect', BASE_IMAGE],
    ['pull', '--quiet', BASE_IMAGE],
  ]) {
    try {
      execFileSync('docker', args, { stdio: 'ignore', timeout: 120_000 });
      return true;
    } catch {
      // The next way, or our own.
    }
  }
  return false;
}

/** Sees to it that the base image is there. Rejects where this machine is not a Debian one. */
export async function ensureBaseImage(node) {
  if (isThere()) return;
  const folder = mkdtempSync(path.join(tmpdir(), 'ambient-base-'));
  try {
    const list = path.join(folder, 'files');
    // Debian's links from / to /usr, and Node where its images have it.
    const links = ['bin', 'sbin', 'lib', 'lib64'].filter((name) => lstatSync(`/${name}`, { throwIfNoEntry: false }));
    const folders = ['run', 'tmp', 'root', 'var/run', 'var/tmp'];
    const program = realpathSync(node).slice(1);
    writeFileSync(list, [...new Set([...links, ...folders, program, ...filesOf(closure(PACKAGES))])].join('\n'));
    const rename = `s,^${program}$,usr/local/bin/node,`;
    const tar = spawn('tar', ['-C', '/', '-c', '--no-recursion', '--transform', rename, '-T', list], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const PATH = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const docker = spawn('docker', ['import', '--change', PATH, '-', BASE_IMAGE], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    tar.stdout.pipe(docker.stdin).on('error', () => {});
    for (const child of [tar, docker]) {
      await new Promise((resolve, reject) => {
        if (child.exitCode === 0) return resolve();
        child.once('error', reject);
        child.once('exit', (code) =>
          code === 0 ? resolve() : reject(new Error(`making ${BASE_IMAGE}: code ${code}`)),
        );
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
