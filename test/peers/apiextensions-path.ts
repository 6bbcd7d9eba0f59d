import { goProgram } from './go-program';

/** The path of a small program around the API server's own validation of custom resources, built into the cache once. */
export function apiextensionsPath(): string {
  return goProgram('apiextensions', { module: 'apiextensions', target: '.' });
}
