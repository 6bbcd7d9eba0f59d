import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..', '..');

/**
 * The path of a real istioctl: AMBIENT_ISTIOCTL, or one built from its Go module into the cache, once. Building takes
 * minutes and needs Go.
 */
export function istioctlPath(): string {
  const given = process.env['AMBIENT_ISTIOCTL'];
  if (given !== undefined && given !== '') return given;
  const built = path.join(root, '.cache', 'peers', 'istioctl');
  if (existsSync(built)) return built;
  mkdirSync(path.dirname(built), { recursive: true });
  execFileSync(
    'go',
    [
      'build',
      '-mod=mod',
      '-p',
      '1',
      '-trimpath',
      '-ldflags',
      '-s -w',
      '-o',
      built,
      'istio.io/istio/istioctl/cmd/istioctl',
    ],
    { cwd: path.join(root, 'test', 'peers', 'istioctl'), stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return built;
}
