import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');
const VERSION = 'k8s.io/component-base/version';

/**
 * The real kubectl: AMBIENT_KUBECTL, or one built from its Go module into .cache/peers (some minutes, once).
 * Throws when Go cannot build it.
 */
export function kubectlPath(): string {
  const given = process.env['AMBIENT_KUBECTL'];
  if (given) return given;
  const folder = path.join(root, '.cache', 'peers');
  const target = path.join(folder, 'kubectl');
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const flags = [
    '-s -w',
    `-X ${VERSION}.gitVersion=v1.34.4`,
    `-X ${VERSION}.gitMajor=1`,
    `-X ${VERSION}.gitMinor=34`,
  ].join(' ');
  // Test files run at the same time: the first one builds, the others wait for its lock.
  const build = `test -x ${target} || { go build -mod=mod -trimpath -ldflags '${flags}' -o ${target}.new . && mv ${target}.new ${target}; }`;
  const done = spawnSync('flock', [`${target}.lock`, 'sh', '-c', build], {
    cwd: path.join(import.meta.dirname, 'kubectl'),
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/local/go/bin`, CGO_ENABLED: '0' },
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`go build of kubectl failed: ${done.stderr || String(done.error)}`);
  return target;
}
