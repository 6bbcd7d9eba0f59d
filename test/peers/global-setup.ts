import { apiextensionsPath } from './apiextensions-path';
import { hbonePeerPath } from './hbone-path';
import { istioctlPath } from './istioctl-path';
import { istiodPath } from './istiod-path';
import { kubectlPath } from './kubectl-path';

const PEERS = {
  kubectl: kubectlPath,
  hbone: hbonePeerPath,
  istioctl: istioctlPath,
  istiod: istiodPath,
  apiextensions: apiextensionsPath,
};

/**
 * Builds every peer before the first test of `npm test`: minutes with cold caches, which no test's time limit should
 * cover. A single file's run builds only what it asks for.
 */
export default function setup(): void {
  if (process.env['AMBIENT_BUILD_PEERS'] !== '1') return;
  for (const [name, build] of Object.entries(PEERS)) {
    console.log(`peer ${name} ...`);
    build();
  }
}
