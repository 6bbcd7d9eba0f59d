import { goProgram } from './go-program';

const VERSION = 'k8s.io/component-base/version';

/** The path of a real kubectl: AMBIENT_KUBECTL, or one built from its Go module into the cache, once. */
export function kubectlPath(): string {
  return (
    process.env['AMBIENT_KUBECTL'] ||
    goProgram('kubectl', {
      module: 'kubectl',
      target: '.',
      variables: {
        [`${VERSION}.gitVersion`]: 'v1.34.4',
        [`${VERSION}.gitMajor`]: '1',
        [`${VERSION}.gitMinor`]: '34',
      },
    })
  );
}
