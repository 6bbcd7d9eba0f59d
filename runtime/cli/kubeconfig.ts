import { readFile } from 'node:fs/promises';
import { engineOf } from '../engine/registry';
import { MeshError } from '../errors';
import { print, type OutputFormat } from './output';
import { stateFolder } from './mesh';

/** `ambient kubeconfig`: the path, or with --raw the file. */
export async function kubeconfig(options: { output: OutputFormat; state?: string; raw?: boolean }): Promise<void> {
  const state = stateFolder(options.state);
  const engine = await engineOf(state);
  const path = await engine.kubeconfig({ state });
  if (path === undefined) throw new MeshError('AMB_ERR_NOT_RUNNING', { state });
  if (options.raw === true) process.stdout.write(await readFile(path, 'utf8'));
  else print(options.output, { kubeconfig: path, engine: engine.name }, (value) => `${value.kubeconfig}\n`);
}
