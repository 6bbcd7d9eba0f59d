import * as vscode from 'vscode';
import type { MeshSession } from '../mesh-session';

/** Stops the mesh; its objects are kept. */
export async function stopMesh(session: MeshSession): Promise<void> {
  await vscode.window.withProgress({ location: { viewId: 'ambient.mesh' } }, () => session.stop());
}
