import type { RedirectMode } from '../engine/engine';
import { engineToStart, type EngineName } from '../engine/registry';
import { interruptible, print, progress, type OutputFormat } from './output';
import { stateFolder } from './mesh';

export interface UpCommand {
  output: OutputFormat;
  state?: string;
  engine: EngineName;
  port: number;
  redirect: RedirectMode;
  /** Seconds; undefined waits as long as the engine usually needs. */
  timeout?: number;
}

/** `ambient up`: starts the mesh in the background and prints where its kubeconfig is. */
export async function up(options: UpCommand): Promise<void> {
  const state = stateFolder(options.state);
  const engine = await engineToStart(options.engine, state);
  const line = progress(options.output);
  const result = await engine.up({
    state,
    port: options.port,
    redirect: options.redirect,
    timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
    signal: interruptible(),
    onProgress: ({ stage, message }) => line.say(message === undefined ? stage : `${stage}: ${message}`),
  });
  line.done();
  const value = { engine: engine.name, kubeconfig: result.kubeconfig, readyMs: Math.round(result.readyMs), state };
  print(
    options.output,
    value,
    () => `The mesh is ready after ${(result.readyMs / 1000).toFixed(1)} s.\nexport KUBECONFIG=${result.kubeconfig}\n`,
  );
}
