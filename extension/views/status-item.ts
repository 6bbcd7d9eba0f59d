import * as vscode from 'vscode';
import type { MeshSession, MeshState } from '../mesh-session';

const looks: Record<MeshState, { text: string; command: string; tooltip: string }> = {
  stopped: { text: '$(type-hierarchy) Mesh: stopped', command: 'ambient.startMesh', tooltip: 'Start the mesh' },
  starting: { text: '$(sync~spin) Mesh: starting', command: 'ambient.showLog', tooltip: 'Show what it is doing' },
  running: {
    text: '$(type-hierarchy) Mesh: running',
    command: 'ambient.showTrafficFlow',
    tooltip: 'Show the traffic flow',
  },
  stopping: { text: '$(sync~spin) Mesh: stopping', command: 'ambient.showLog', tooltip: 'Show what it is doing' },
};

/** The one status item: what the mesh does, and the likeliest next step on a click. */
export function createStatusItem(session: MeshSession): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('ambient.mesh', vscode.StatusBarAlignment.Left, 0);
  item.name = 'Ambient mesh';
  const show = (state: MeshState): void => {
    Object.assign(item, looks[state]);
    // An attached cluster is known by its context, our own meshes by what carries them.
    const where = session.engine === 'istio' ? session.client.context : session.engine;
    if (state === 'running' && where !== undefined) item.text = `$(type-hierarchy) Mesh: ${where}`;
    item.accessibilityInformation = { label: item.text.replace(/\$\([^)]*\) /, '') };
  };
  show(session.state);
  item.show();
  return vscode.Disposable.from(item, session.onDidChange(show));
}
