import { execFileSync } from 'node:child_process';
import path from 'node:path';

const PINS = path.join(import.meta.dirname, 'istioctl');

/**
 * The folder of a Go module's unchanged files in the module cache, downloaded when it is not there.
 *
 * @param module with a version after `@`; without one the version that the istioctl peer pins
 * @throws Error when Go cannot download it
 */
export function goModule(module: string): string {
  const { Dir } = JSON.parse(
    execFileSync('go', ['mod', 'download', '-json', module], { cwd: PINS, encoding: 'utf8' }),
  ) as { Dir: string };
  return Dir;
}
