import type { KubeConfig } from '@kubernetes/client-node';
import { MeshError, reasonOf } from '../errors';

/** The context that client-node makes up when there is no kubeconfig at all. */
const MADE_UP = 'loaded-context';

/**
 * Loads a file, otherwise those of KUBECONFIG or ~/.kube/config.
 *
 * @throws MeshError AMB_ERR_KUBECONFIG
 */
export function loadKubeconfig(config: KubeConfig, file?: string): void {
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    const name = file ?? process.env['KUBECONFIG'] ?? '~/.kube/config';
    throw new MeshError('AMB_ERR_KUBECONFIG', { file: name, reason: reasonOf(error) });
  }
}

/** The contexts that somebody wrote down. */
export const contextNames = (config: KubeConfig): string[] =>
  config.contexts.map(({ name }) => name).filter((name) => name !== MADE_UP);

/** The current context that somebody wrote down; empty where nobody did. */
export function currentContext(config: KubeConfig): string {
  const name = config.getCurrentContext();
  return name === MADE_UP ? '' : name;
}
