import { engineOf } from '../engine/registry';
import { print, type OutputFormat } from './output';
import { stateFolder } from './mesh';

/** `ambient down`: stops the mesh of the state folder; doing so twice is no error. */
export async function down(options: { output: OutputFormat; state?: string; purge?: boolean }): Promise<void> {
  const state = stateFolder(options.state);
  const engine = await engineOf(state);
  const stopped = await engine.down({ state, purge: options.purge === true });
  const kept = options.purge === true || !engine.keepsObjects ? '' : ' Its objects are kept for the next ambient up.';
  print(options.output, { stopped, state, purged: options.purge === true }, () =>
    stopped && engine.name === 'istio'
      ? 'Detached; the cluster stays as it is.\n'
      : stopped
        ? `The mesh is stopped.${kept}\n`
        : `No mesh was running from ${state}.\n`,
  );
}
