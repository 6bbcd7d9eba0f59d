import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');

/** What `go build` is told besides the package. */
export interface GoBuild {
  /** Folder under test/peers that pins the module's versions. */
  readonly module: string;
  /** Package to build, as `go build` takes it. */
  readonly target: string;
  /** Settings of variables, for the linker. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Builds a Go program into the cache, once; that takes minutes and needs Go. `npm test` has built all of them before its
 * first test (global-setup.ts).
 *
 * @param name of the program in the cache
 * @returns its path
 * @throws Error when Go cannot build it
 */
export function goProgram(name: string, { module, target, variables = {} }: GoBuild): string {
  const built = path.join(root, '.cache', 'peers', name);
  if (existsSync(built)) return built;
  mkdirSync(path.dirname(built), { recursive: true });
  const folder = path.join(root, 'test', 'peers', module);
  // Go notes what it resolved in go.mod; in a copy, so that a test run leaves the tree as it was.
  copyFileSync(path.join(folder, 'go.mod'), `${built}.mod`);
  copyFileSync(path.join(folder, 'go.sum'), `${built}.sum`);
  const settings = Object.entries(variables).map(([variable, value]) => `-X ${variable}=${value}`);
  const flags = [
    '-mod=mod',
    `-modfile=${built}.mod`,
    '-p',
    '1',
    '-trimpath',
    '-ldflags',
    `-s -w ${settings.join(' ')}`,
  ];
  // Test files run at the same time: the first one builds, the others wait for its lock.
  const script = 'out=$1; shift; test -x "$out" || { go build "$@" && mv "$out.new" "$out"; }';
  const args = [`${built}.lock`, 'sh', '-c', script, 'sh', built, ...flags, '-o', `${built}.new`, target];
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/local/go/bin`, CGO_ENABLED: '0' };
  const done = spawnSync('flock', args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) throw new Error(`go build of ${name} failed${done.error ? `: ${done.error.message}` : ''}`);
  return built;
}
