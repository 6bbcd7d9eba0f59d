import path from 'node:path';
import { MeshError } from '../errors';
import { embedded } from './embedded';
import type { Engine } from './engine';
import { readEngineRecord, removeRecord } from './record';

/** What `--engine` takes. */
export const ENGINES = ['auto', 'embedded', 'container', 'kind', 'istio'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine by its name; `auto` is the embedded one. Docker's client is loaded only for those that need it. */
export async function engineByName(name: EngineName): Promise<Engine> {
  if (name === 'kind') return (await import('./kind/kind')).kind;
  if (name === 'istio') return (await import('./istio/istio')).istio;
  if (name === 'container') return (await import('./container/container')).container;
  return embedded;
}

/** The engine that the mesh of a state folder runs on, else the embedded one. */
export function engineOf(state: string): Promise<Engine> {
  return engineByName(readEngineRecord(path.resolve(state))?.engine ?? 'embedded');
}

/**
 * The engine to start a mesh with: `auto` stays with the one that the state folder runs on. Where this machine cannot
 * carry the embedded one, it runs in a container when Docker answers.
 *
 * @throws MeshError AMB_ERR_OTHER_ENGINE when another engine runs a mesh from the same state folder
 */
export async function engineToStart(name: EngineName, state: string): Promise<Engine> {
  const running = await engineOf(state);
  const wanted = name === 'auto' ? running : await engineByName(name);
  if (wanted.name !== running.name && (await running.kubeconfig({ state })) !== undefined)
    throw new MeshError('AMB_ERR_OTHER_ENGINE', { running: running.name, wanted: wanted.name, state });
  if (wanted !== running) removeRecord(path.resolve(state));
  if (wanted !== embedded || (await embedded.available()) === undefined) return wanted;
  const { container } = await import('./container/container');
  // Without either, the embedded one says best what is missing.
  return (await container.available()) === undefined ? container : embedded;
}
