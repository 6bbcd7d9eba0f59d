import { goProgram } from './go-program';

/** The path of a real istiod: AMBIENT_PILOT_DISCOVERY, or one built from its Go module into the cache, once. */
export function istiodPath(): string {
  return (
    process.env['AMBIENT_PILOT_DISCOVERY'] ||
    goProgram('pilot-discovery', { module: 'istioctl', target: 'istio.io/istio/pilot/cmd/pilot-discovery' })
  );
}
