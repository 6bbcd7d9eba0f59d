import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
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
  // Go notes what it resolved in go.mod; in a copy, so that a test run leaves the tree as it was.
  const modules = `${built}.mod`;
  copyFileSync(path.join(folder, 'go.mod'), modules);
  copyFileSync(path.join(folder, 'go.sum'), `${built}.sum`);
  const flags = ['-mod=mod', `-modfile=${modules}`, '-p', '1', '-trimpath', '-ldflags', '-s -w'];
  execFileSync('go', ['build', ...flags, '-o', built, target], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return built;
}
