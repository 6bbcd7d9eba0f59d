import path from 'node:path';
import type { KubeClient } from '../kube/client';
import { MeshError } from '../errors';

export interface MeshOptions {
  state?: string;
  kubeconfig?: string;
  context?: string;
  output: 'text' | 'json';
  /** Writes to a cluster that looks like production without asking. */
  yes?: boolean;
}

/** The state folder: `--state`, `AMBIENT_STATE`, else the user's state directory. */
export function stateFolder(option?: string): string {
  const home = process.env['XDG_STATE_HOME'] ?? path.join(process.env['HOME'] ?? '/root', '.local', 'state');
  return path.resolve(option ?? process.env['AMBIENT_STATE'] ?? path.join(home, 'ambient'));
}

/**
 * Connects to the mesh that a command means: an explicit kubeconfig, else the running mesh of the state folder, else
 * the current context.
 *
 * @throws MeshError AMB_ERR_NOT_RUNNING
 */
export async function connectToMesh(options: MeshOptions): Promise<KubeClient> {
  const { connect } = await import('../kube/client');
  if (options.kubeconfig !== undefined || options.context !== undefined) {
    return connect({ kubeconfig: options.kubeconfig, context: options.context });
  }
  const kubeconfig = await kubeconfigOf(options);
  if (kubeconfig !== undefined) return connect({ kubeconfig });
  throw new MeshError('AMB_ERR_NOT_RUNNING', { state: stateFolder(options.state) });
}

/** The kubeconfig that is given, else that of the running mesh of the state folder, if one runs. */
export async function kubeconfigOf(options: Pick<MeshOptions, 'state' | 'kubeconfig'>): Promise<string | undefined> {
  if (options.kubeconfig !== undefined) return options.kubeconfig;
  const { engineOf } = await import('../engine/registry');
  const state = stateFolder(options.state);
  return (await engineOf(state)).kubeconfig({ state });
}
