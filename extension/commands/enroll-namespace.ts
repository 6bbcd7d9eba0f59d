import * as vscode from 'vscode';
import type { Namespace } from '../../runtime/api/resources';
import type { MeshSession } from '../mesh-session';

const system = new Set(['istio-system', 'kube-system', 'kube-public', 'kube-node-lease']);

async function pick(session: MeshSession): Promise<string> {
  const [{ KIND }, { isEnrolled }] = await Promise.all([
    import('../../runtime/api/kinds'),
    import('../../runtime/kube/enrollment'),
  ]);
  const items = session.client
    .list<Namespace>(KIND.Namespace)
    .then((namespaces) =>
      namespaces
        .filter((namespace) => !system.has(namespace.metadata.name) && !isEnrolled(namespace))
        .map((namespace) => ({ label: namespace.metadata.name })),
    );
  const choice = await vscode.window.showQuickPick(items, {
    title: 'Enroll Namespace',
    placeHolder: 'Namespace to put into ambient mode; no pod restarts',
  });
  if (choice === undefined) throw new vscode.CancellationError();
  return choice.label;
}

/** Puts a namespace into ambient mode: the one given (from the tree), or one picked from the cluster. */
export async function enrollNamespace(session: MeshSession, namespace?: string): Promise<void> {
  const name = namespace ?? (await pick(session));
  const { setEnrollment } = await import('../../runtime/kube/enrollment');
  const options = { location: vscode.ProgressLocation.Notification, title: `Enrolling ${name}`, cancellable: true };
  const result = await vscode.window.withProgress(options, (_progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    return setEnrollment(session.client, name, true, { signal: stop.signal });
  });
  const captured = result.pods.filter((pod) => pod.captured).length;
  session.log.info(`enrolled ${name}: ${captured} of ${result.pods.length} pods captured`);
  if (!result.complete)
    throw new Error(
      `Namespace ${name} is labelled, but only ${captured} of ${result.pods.length} pods are captured yet.`,
    );
  void vscode.window.showInformationMessage(
    `Namespace ${name} is in ambient mode: ${captured} pods captured, none restarted.`,
  );
}
