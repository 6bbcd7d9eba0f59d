import { embedded } from '../engine/embedded';
import type { RedirectMode } from '../engine/engine';
import { interruptible, print, progress, type OutputFormat } from './output';
import { stateFolder } from './mesh';

export interface UpCommand {
  output: OutputFormat;
  state?: string;
  port: number;
  redirect: RedirectMode;
  timeout: number;
}

/** `ambient up`: starts the mesh in the background and prints where its kubeconfig is. */
export async function up(options: UpCommand): Promise<void> {
  const state = stateFolder(options.state);
  const line = progress(options.output);
  const result = await embedded.up({
    state,
    port: options.port,
    redirect: options.redirect,
    timeoutMs: options.timeout * 1000,
    signal: interruptible(),
    onProgress: ({ stage, message }) => line.say(message === undefined ? stage : `${stage}: ${message}`),
  });
  line.done();
  const value = { engine: embedded.name, kubeconfig: result.kubeconfig, readyMs: Math.round(result.readyMs), state };
  print(
    options.output,
    value,
    () => `The mesh is ready after ${(result.readyMs / 1000).toFixed(1)} s.\nexport KUBECONFIG=${result.kubeconfig}\n`,
  );
}
