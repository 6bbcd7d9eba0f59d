import * as vscode from 'vscode';
import type { Namespace } from '../../runtime/api/resources';
import type { MeshSession } from '../mesh-session';
import { confirmProduction } from './confirm-production';

async function pick(session: MeshSession): Promise<string> {
  const { KIND } = await import('../../runtime/api/kinds');
  const items = session.client
    .list<Namespace>(KIND.Namespace)
    .then((namespaces) => namespaces.map((namespace) => ({ label: namespace.metadata.name })));
  const choice = await vscode.window.showQuickPick(items, {
    title: 'Deploy Waypoint',
    placeHolder: 'Namespace to deploy a waypoint for',
  });
  if (choice === undefined) throw new vscode.CancellationError();
  return choice.label;
}

/** Deploys a waypoint with one click: for the service or the whole namespace of the tree item, or a picked namespace. */
export async function deployWaypoint(
  session: MeshSession,
  item?: { namespace?: string; service?: string },
): Promise<void> {
  const namespace = item?.namespace ?? (await pick(session));
  const service = item?.service;
  await confirmProduction(session.client, `Deploy to ${namespace}`);
  const { applyWaypoint } = await import('../../runtime/kube/waypoints');
  const target = service === undefined ? `namespace ${namespace}` : `service ${namespace}/${service}`;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: `Deploying a waypoint for ${target}`,
    cancellable: true,
  };
  const waypoint = await vscode.window.withProgress(options, (_progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    return applyWaypoint(session.client, {
      namespace,
      service,
      enrollNamespace: service === undefined,
      signal: stop.signal,
    });
  });
  session.log.info(`waypoint ${namespace}/${waypoint.name} is programmed for ${target}`);
  void vscode.window.showInformationMessage(waypoint.warning ?? `The waypoint takes the traffic of ${target}.`);
}
