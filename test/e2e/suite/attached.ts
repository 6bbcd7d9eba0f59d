import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { KIND } from '../../../runtime/api/kinds';
import { DATAPLANE_MODE, REDIRECTION } from '../../../runtime/api/labels';
import type { Namespace, Pod } from '../../../runtime/api/resources';
import { connect, type KubeClient } from '../../../runtime/kube/client';
import type { AmbientApi } from '../../../extension/extension';
import { hasPage, pick, screenshot, shownFlows, textsOf, until } from './workbench';

const NAMESPACE = 'shop-3';
/** Two readings of thirteen proxies, one a second, and the layout of a picture with two hundred nodes. */
const LONG_MS = 150_000;
const cluster = process.env['ATTACHED_KUBECONFIG'];

// A cluster with upstream's objects and proxies with recorded telemetry: test/e2e/attached-cluster.ts.
describe('an attached cluster', () => {
  let api: AmbientApi;
  let client: KubeClient;
  const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('ambient');

  before(async function () {
    if (cluster === undefined || !hasPage) return this.skip();
    client = await connect({ kubeconfig: cluster });
    api = await vscode.extensions.getExtension<AmbientApi>('ambient-dev.ambient')!.activate();
    await settings().update('engine', undefined, vscode.ConfigurationTarget.Global);
  });

  after(() => client?.[Symbol.dispose]());

  it('is offered by the first start beside the other engines, and remembered', async () => {
    await vscode.commands.executeCommand('ambient.mesh.focus');
    assert.equal(settings().get('engine'), 'ask');
    const started = vscode.commands.executeCommand('ambient.startMesh');
    await pick('Select Engine', 'Attach to my cluster');
    await pick('Select Engine: Attach to My Cluster', 'ambient');
    await started;
    assert.equal(api.state, 'running');
    assert.equal(settings().get('engine'), 'istio');
    assert.equal(settings().get('istio.context'), 'ambient');
  });

  it('shows its namespaces, services, waypoints and pods', async () => {
    const rows = await until('the tree', async () => {
      const shown = await textsOf('.part.sidebar .monaco-list-row');
      return shown.some((row) => row.includes(NAMESPACE)) || shown.some((row) => row.includes('shop-0'))
        ? shown
        : undefined;
    });
    assert.ok(
      rows.some((row) => row.includes('waypoint')),
      rows.join('\n'),
    );
  });

  it('unenrolls and enrolls a namespace', async () => {
    const modes = async (): Promise<readonly unknown[]> => {
      const namespace = await client.get<Namespace>(KIND.Namespace, NAMESPACE);
      const pods = await client.list<Pod>(KIND.Pod, { namespace: NAMESPACE, labelSelector: 'app' });
      const captured = pods.filter(({ metadata }) => metadata.annotations?.[REDIRECTION] === 'enabled');
      return [namespace?.metadata.labels?.[DATAPLANE_MODE], captured.length];
    };
    await vscode.commands.executeCommand('ambient.unenrollNamespace', { namespace: NAMESPACE });
    assert.deepEqual(await modes(), [undefined, 0]);
    await vscode.commands.executeCommand('ambient.enrollNamespace', { namespace: NAMESPACE });
    assert.deepEqual(await modes(), ['ambient', 20]);
  });

  it('draws its traffic with the age of each rate, and says what is inferred', async function () {
    this.timeout(LONG_MS * 2);
    await vscode.commands.executeCommand('ambient.showTrafficFlow');
    const denied = await until(
      'a denial with its policy',
      async () => (await shownFlows())?.rows.find((row) => row[3] === 'deny' && row[4]?.includes('only-friends-of')),
      LONG_MS,
    );
    assert.match(denied[4] ?? '', /\(inferred\)$/);
    assert.match(denied[9] ?? '', /^\d+ s$/);
    const http = await until(
      'a request through a waypoint',
      async () => (await shownFlows())?.rows.find((row) => row[0] === 'shop-0/waypoint' && row[3] === 'allow'),
      LONG_MS,
    );
    assert.match(http[9] ?? '', /^\d+ s$/);
    await screenshot('attached-cluster');
  });

  it('is left as it was', async () => {
    await vscode.commands.executeCommand('ambient.stopMesh');
    assert.equal(api.state, 'stopped');
    assert.ok((await client.list(KIND.Namespace)).length > 10);
    for (const name of ['engine', 'istio.context'])
      await settings().update(name, undefined, vscode.ConfigurationTarget.Global);
  });
});
