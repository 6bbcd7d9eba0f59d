import * as vscode from 'vscode';
import { AmbientError } from '../ambient-process';
import type { MeshSession, StartOptions } from '../mesh-session';
import { chosenEngine, selectEngine } from './select-engine';

/** Starts the mesh, or attaches to a cluster; the first time it asks where. A slow start can be cancelled. */
export async function startMesh(session: MeshSession): Promise<void> {
  if (!vscode.workspace.isTrusted) throw new Error('Starting a mesh runs programs; trust this workspace first.');
  const engine = chosenEngine() === 'ask' ? await selectEngine(session) : chosenEngine();
  const context = vscode.workspace.getConfiguration('ambient').get('istio.context', '');
  try {
    await start(session, { engine, context });
  } catch (error) {
    if (!(error instanceof AmbientError) || error.code !== 'AMB_ERR_KIND_MISSING') throw error;
    const install = 'Install kind';
    const choice = await vscode.window.showWarningMessage(`${error.message} It can be installed there.`, install);
    if (choice !== install) throw new vscode.CancellationError();
    await start(session, { engine, context, installKind: true });
  }
}

async function start(session: MeshSession, where: StartOptions): Promise<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: 'Starting the mesh', cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    try {
      await session.start(where, (message) => progress.report({ message }), stop.signal);
    } catch (error) {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      throw error;
    }
  });
}
