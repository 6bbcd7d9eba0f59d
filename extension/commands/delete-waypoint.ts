import * as vscode from 'vscode';
import type { MeshSession } from '../mesh-session';
import { confirmProduction } from './confirm-production';

interface WaypointItem {
  readonly namespace: string;
  /** Name of the Gateway; a tree item has it as its label. */
  readonly label: string;
}

async function pick(session: MeshSession): Promise<WaypointItem> {
  const { listWaypoints } = await import('../../runtime/kube/waypoints');
  const items = listWaypoints(session.client).then((waypoints) =>
    waypoints.map(({ namespace, name }) => ({ label: name, description: namespace, namespace })),
  );
  const choice = await vscode.window.showQuickPick(items, {
    title: 'Delete Waypoint',
    placeHolder: 'Waypoint to delete; its traffic then goes direct',
  });
  if (choice === undefined) throw new vscode.CancellationError();
  return choice;
}

/** Deletes a waypoint, the one of the tree item or a picked one, and says what is still labelled for it. */
export async function deleteWaypoint(session: MeshSession, item?: WaypointItem): Promise<void> {
  const { namespace, label: name } = item ?? (await pick(session));
  await confirmProduction(session.client, `Delete ${name}`);
  const waypoints = await import('../../runtime/kube/waypoints');
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `Deleting waypoint ${namespace}/${name}`,
    cancellable: true,
  };
  const named = await vscode.window.withProgress(options, (_progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    return waypoints.deleteWaypoint(session.client, namespace, name, { signal: stop.signal });
  });
  const rest = named.length === 0 ? '' : ` Still labelled for it, and going direct meanwhile: ${named.join(', ')}.`;
  void vscode.window.showInformationMessage(`Waypoint ${namespace}/${name} is deleted.${rest}`);
}
