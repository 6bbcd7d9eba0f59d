import { goProgram } from './go-program';

/** The path of a real istioctl: AMBIENT_ISTIOCTL, or one built from its Go module into the cache, once. */
export function istioctlPath(): string {
  return (
    process.env['AMBIENT_ISTIOCTL'] ||
    goProgram('istioctl', { module: 'istioctl', target: 'istio.io/istio/istioctl/cmd/istioctl' })
  );
}
