import * as vscode from 'vscode';
import type { MeshSession } from '../mesh-session';

/** Starts the mesh with progress in the Mesh view; can be cancelled from the notification of a slow start. */
export async function startMesh(session: MeshSession): Promise<void> {
  if (!vscode.workspace.isTrusted) throw new Error('Starting a mesh runs programs; trust this workspace first.');
  const options = { location: vscode.ProgressLocation.Notification, title: 'Starting the mesh', cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    try {
      await session.start((message) => progress.report({ message }), stop.signal);
    } catch (error) {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      throw error;
    }
  });
}
