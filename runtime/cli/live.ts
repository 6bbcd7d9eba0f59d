import { liveMesh, type LiveMesh } from '../analysis/live-mesh';
import { MeshError } from '../errors';
import { connectToMesh, type MeshOptions } from './mesh';

export interface LiveOptions extends MeshOptions {
  /** True: there has to be a mesh; false: files alone; undefined: the mesh, if one runs. */
  live?: boolean;
}

/**
 * What the mesh that a command means holds. Unless asked for, a mesh that is not there or does not answer is none.
 *
 * @throws MeshError AMB_ERR_NOT_RUNNING, AMB_ERR_API_UNREACHABLE with `--live`
 */
export async function readLiveMesh(options: LiveOptions): Promise<LiveMesh | undefined> {
  const asked = options.live === true || options.kubeconfig !== undefined || options.context !== undefined;
  if (!asked && options.live === false) return undefined;
  try {
    using client = await connectToMesh(options);
    const { liveObjects } = await import('../kube/live-objects');
    const { objects, kinds } = await liveObjects(client);
    return liveMesh(client.context, objects, kinds);
  } catch (error) {
    if (!asked && MeshError.is(error)) return undefined;
    throw error;
  }
}
