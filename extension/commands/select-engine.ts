import * as vscode from 'vscode';
import type { MeshSession } from '../mesh-session';

export type EngineSetting = 'ask' | 'auto' | 'embedded' | 'container' | 'kind' | 'istio';

interface EngineItem extends vscode.QuickPickItem {
  readonly engine: EngineSetting;
}

const engines: readonly EngineItem[] = [
  {
    engine: 'auto',
    label: '$(vm) This machine',
    description: 'embedded',
    detail: 'A whole mesh in seconds: on Linux as processes, elsewhere inside one container.',
  },
  {
    engine: 'kind',
    label: '$(server-environment) A kind cluster',
    description: 'kind',
    detail: 'The same mesh as pods of real Kubernetes; needs Docker and kind, and about a minute.',
  },
  {
    engine: 'istio',
    label: '$(plug) Attach to my cluster',
    description: 'upstream Istio ambient',
    detail: 'Shows a cluster that runs Istio; changes nothing until you enroll a namespace or deploy a waypoint.',
  },
];

/** The engine of the settings; `ask` until somebody has chosen. */
export function chosenEngine(): EngineSetting {
  return vscode.workspace.getConfiguration('ambient').get<EngineSetting>('engine', 'ask');
}

/**
 * Lets the user choose where the mesh runs, and remembers it in the user's settings.
 *
 * @throws CancellationError when nothing was chosen
 */
export async function selectEngine(session: MeshSession): Promise<EngineSetting> {
  const before = chosenEngine();
  const items = engines.map((item) => ({ ...item, picked: item.engine === before }));
  const choice = await vscode.window.showQuickPick(items, {
    title: 'Select Engine',
    placeHolder: 'Where the mesh runs',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (choice === undefined) throw new vscode.CancellationError();
  const configuration = vscode.workspace.getConfiguration('ambient');
  if (choice.engine === 'istio') {
    const context = await pickContext();
    await configuration.update('istio.context', context, vscode.ConfigurationTarget.Global);
  }
  await configuration.update('engine', choice.engine, vscode.ConfigurationTarget.Global);
  if (session.state === 'running') {
    const next = 'Stop the mesh and start it again to change over.';
    void vscode.window.showInformationMessage(`The next start uses: ${choice.description}. ${next}`);
  }
  return choice.engine;
}

async function pickContext(): Promise<string> {
  const [{ KubeConfig }, { contextNames, loadKubeconfig }] = await Promise.all([
    import('@kubernetes/client-node'),
    import('../../runtime/kube/kubeconfig'),
  ]);
  const config = new KubeConfig();
  loadKubeconfig(config);
  const names = contextNames(config);
  if (names.length === 0) {
    throw new Error('There is no context in the kubeconfig (KUBECONFIG, else ~/.kube/config) to attach to.');
  }
  const current = config.getCurrentContext();
  const items = names.map((name) => ({
    label: name,
    description: name === current ? 'current' : undefined,
    detail: config.clusters.find((cluster) => cluster.name === config.getContextObject(name)?.cluster)?.server,
  }));
  // The current one first: it is what most people mean.
  items.sort((a, b) => Number(b.description !== undefined) - Number(a.description !== undefined));
  const choice = await vscode.window.showQuickPick(items, {
    title: 'Select Engine: Attach to My Cluster',
    placeHolder: 'Context of the cluster',
    matchOnDetail: true,
  });
  if (choice === undefined) throw new vscode.CancellationError();
  return choice.label;
}
