import { writeFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { MeshError, reasonOf } from '../../errors';

export interface ContextChoice {
  /** A kubeconfig; otherwise KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Otherwise the current one. */
  readonly context?: string;
}

/**
 * Reads the user's kubeconfig and chooses a context in it, in memory alone.
 *
 * @throws MeshError AMB_ERR_CONTEXT_UNKNOWN that lists the contexts there are
 */
export function chooseContext({ kubeconfig, context }: ContextChoice): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new MeshError('AMB_ERR_CONTEXT_UNKNOWN', { context: context ?? kubeconfig ?? '', known: reasonOf(error) });
  }
  const wanted = context ?? config.getCurrentContext();
  const known = contextNames(config);
  if (config.getContextObject(wanted) === null || config.clusters.every(({ name }) => !clusterOf(config, wanted, name)))
    throw new MeshError('AMB_ERR_CONTEXT_UNKNOWN', { context: wanted || 'the current one', known: known.join(', ') });
  config.setCurrentContext(wanted);
  return config;
}

/** Without the one that client-node makes up when there is no kubeconfig at all. */
export const contextNames = (config: KubeConfig): string[] =>
  config.contexts.map(({ name }) => name).filter((name) => name !== 'loaded-context');

const clusterOf = (config: KubeConfig, context: string, name: string): boolean =>
  config.getContextObject(context)?.cluster === name && context !== 'loaded-context';

/** Writes the chosen context alone as a kubeconfig of its own, for programs that take a file and no context. */
export function writeContext(config: KubeConfig, file: string): void {
  const context = config.getContextObject(config.getCurrentContext());
  const alone = new KubeConfig();
  alone.loadFromOptions({
    clusters: config.clusters.filter(({ name }) => name === context?.cluster),
    users: config.users.filter(({ name }) => name === context?.user),
    contexts: [context],
    currentContext: context?.name,
  });
  writeFileSync(file, `${alone.exportConfig()}\n`, { mode: 0o600 });
}
