import { writeFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { MeshError } from '../../errors';
import { contextNames, currentContext, loadKubeconfig } from '../../kube/kubeconfig';

export interface ContextChoice {
  /** A kubeconfig; otherwise KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Otherwise the current one. */
  readonly context?: string;
}

/**
 * Reads the user's kubeconfig and chooses a context in it, in memory alone.
 *
 * @throws MeshError AMB_ERR_CONTEXT_UNKNOWN that lists the contexts there are; AMB_ERR_KUBECONFIG
 */
export function chooseContext({ kubeconfig, context }: ContextChoice): KubeConfig {
  const config = new KubeConfig();
  loadKubeconfig(config, kubeconfig);
  const known = contextNames(config);
  const wanted = context ?? currentContext(config);
  if (!known.includes(wanted) || config.clusters.every(({ name }) => !clusterOf(config, wanted, name)))
    throw new MeshError('AMB_ERR_CONTEXT_UNKNOWN', { context: wanted, known: known.join(', ') });
  config.setCurrentContext(wanted);
  return config;
}

const clusterOf = (config: KubeConfig, context: string, name: string): boolean =>
  config.getContextObject(context)?.cluster === name;

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
