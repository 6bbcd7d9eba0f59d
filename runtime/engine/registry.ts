import path from 'node:path';
import { MeshError } from '../errors';
import { embedded } from './embedded';
import type { Engine } from './engine';
import { readRecord } from './kind/record';

/** What `--engine` takes. */
export const ENGINES = ['auto', 'embedded', 'kind'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine by its name; `auto` is the embedded one. Docker's client is loaded only for kind. */
export async function engineByName(name: EngineName): Promise<Engine> {
  return name === 'kind' ? (await import('./kind/kind')).kind : embedded;
}

/** The engine that the mesh of a state folder runs on, else the embedded one. */
export function engineOf(state: string): Promise<Engine> {
  return engineByName(readRecord(path.resolve(state)) === undefined ? 'embedded' : 'kind');
}

/**
 * The engine to start a mesh with: `auto` stays with the one that the state folder runs on.
 *
 * @throws MeshError AMB_ERR_OTHER_ENGINE when another engine runs a mesh from the same state folder
 */
export async function engineToStart(name: EngineName, state: string): Promise<Engine> {
  const running = await engineOf(state);
  const wanted = name === 'auto' ? running : await engineByName(name);
  if (wanted.name !== running.name && (await running.kubeconfig({ state })) !== undefined)
    throw new MeshError('AMB_ERR_OTHER_ENGINE', { running: running.name, wanted: wanted.name, state });
  return wanted;
}
