import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..', '..');

/**
 * Builds a Go program into the cache, once; that takes minutes and needs Go.
 *
 * @param name of the program in the cache
 * @param module folder under test/peers that pins the module's versions
 * @param target package to build, as `go build` takes it
 * @returns its path
 */
export function goProgram(name: string, module: string, target: string): string {
  const built = path.join(root, '.cache', 'peers', name);
  if (existsSync(built)) return built;
  mkdirSync(path.dirname(built), { recursive: true });
  const folder = path.join(root, 'test', 'peers', module);
  // Two test files may build it at once: each under a name of its own, and whoever is done puts it in place whole.
  const own = `${built}.${process.pid}`;
  // Go notes what it resolved in go.mod; in a copy, so that a test run leaves the tree as it was.
  const modules = `${own}.mod`;
  copyFileSync(path.join(folder, 'go.mod'), modules);
  copyFileSync(path.join(folder, 'go.sum'), `${own}.sum`);
  const flags = ['-mod=mod', `-modfile=${modules}`, '-p', '1', '-trimpath', '-ldflags', '-s -w'];
  execFileSync('go', ['build', ...flags, '-o', own, target], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(own, built);
  for (const rest of [modules, `${own}.sum`]) rmSync(rest, { force: true });
  return built;
}
