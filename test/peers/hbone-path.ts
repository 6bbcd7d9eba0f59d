import { goProgram } from './go-program';

/** The path of a small client and server around Istio's own HBONE library, built into the cache once. */
export function hbonePeerPath(): string {
  return goProgram('hbone', { module: 'istioctl', target: './hbone' });
}
