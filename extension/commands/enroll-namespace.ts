import * as vscode from 'vscode';
import type { Namespace } from '../../runtime/api/resources';
import type { MeshSession } from '../mesh-session';
import { confirmProduction } from './confirm-production';

const system = new Set(['istio-system', 'kube-system', 'kube-public', 'kube-node-lease']);

async function pick(session: MeshSession, enrolled: boolean): Promise<string> {
  const [{ KIND }, { isEnrolled }] = await Promise.all([
    import('../../runtime/api/kinds'),
    import('../../runtime/kube/enrollment'),
  ]);
  const items = session.client
    .list<Namespace>(KIND.Namespace)
    .then((namespaces) =>
      namespaces
        .filter((namespace) => !system.has(namespace.metadata.name) && isEnrolled(namespace) !== enrolled)
        .map((namespace) => ({ label: namespace.metadata.name })),
    );
  const choice = await vscode.window.showQuickPick(items, {
    title: enrolled ? 'Enroll Namespace' : 'Unenroll Namespace',
    placeHolder: enrolled
      ? 'Namespace to put into ambient mode; no pod restarts'
      : 'Namespace to take out of ambient mode; no pod restarts',
  });
  if (choice === undefined) throw new vscode.CancellationError();
  return choice.label;
}

/** Puts a namespace into ambient mode or takes it out: the one given (from the tree), or one picked from the cluster. */
export async function enrollNamespace(session: MeshSession, enrolled: boolean, namespace?: string): Promise<void> {
  const name = namespace ?? (await pick(session, enrolled));
  await confirmProduction(session.client, `${enrolled ? 'Enroll' : 'Unenroll'} ${name}`);
  const { setEnrollment } = await import('../../runtime/kube/enrollment');
  const title = `${enrolled ? 'Enrolling' : 'Unenrolling'} ${name}`;
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  const result = await vscode.window.withProgress(options, (_progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    return setEnrollment(session.client, name, enrolled, { signal: stop.signal });
  });
  const captured = result.pods.filter((pod) => pod.captured).length;
  session.log.info(`${title}: ${captured} of ${result.pods.length} pods are captured`);
  if (!result.complete) {
    throw new Error(
      enrolled
        ? `Namespace ${name} is labelled, but only ${captured} of ${result.pods.length} pods are captured yet.`
        : `The label of namespace ${name} is gone, but ${captured} pods are still captured.`,
    );
  }
  void vscode.window.showInformationMessage(
    enrolled
      ? `Namespace ${name} is in ambient mode: ${captured} pods captured, none restarted.`
      : `Namespace ${name} has left ambient mode; no pod restarted.`,
  );
}
