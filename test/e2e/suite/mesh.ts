import assert from 'node:assert/strict';
import path from 'node:path';
import { readFileSync, readdirSync } from 'node:fs';
import * as vscode from 'vscode';
import { KIND } from '../../../runtime/api/kinds';
import { REDIRECTION } from '../../../runtime/api/labels';
import type { Deployment, Gateway, Pod } from '../../../runtime/api/resources';
import { connect, type KubeClient } from '../../../runtime/kube/client';
import { applyManifests } from '../../../runtime/kube/manifests';
import { waitFor } from '../../../runtime/kube/wait';
import type { AmbientApi } from '../../../extension/extension';
import { screenshot, shownFlows, until } from './workbench';

const NAMESPACE = 'bookshop';
const COMPARED_MS = 15_000;

interface Count {
  name: string;
  succeeded: number;
  deniedL4: number;
  deniedL7: number;
  failed: number;
}

describe('a mesh from the workbench', () => {
  let api: AmbientApi;
  let client: KubeClient;

  async function countsOf(app: string): Promise<Count[]> {
    const [pod] = await client.list<Pod>(KIND.Pod, { namespace: NAMESPACE, labelSelector: `app=${app}` });
    assert.ok(pod, `${app} has no pod`);
    const { body } = await client.request('GET', client.podProxyPath(NAMESPACE, pod.metadata.name, 8081, '/counts'));
    return (JSON.parse(body) as { targets: Count[] }).targets;
  }

  it('loads nothing heavy at activation', async () => {
    const extension = vscode.extensions.getExtension<AmbientApi>('ambient-dev.ambient');
    assert.ok(extension, 'the extension is not installed');
    api = await extension.activate();
    assert.equal(api.state, 'stopped');
    const loaded = Object.keys(require.cache).filter((file) => /client-node|mermaid/.test(file));
    assert.deepEqual(loaded, []);
  });

  it('starts', async () => {
    await vscode.commands.executeCommand('ambient.mesh.focus');
    await vscode.commands.executeCommand('ambient.startMesh');
    assert.equal(api.state, 'running');
    assert.ok(api.kubeconfig);
    client = await connect({ kubeconfig: api.kubeconfig });
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    for (const file of readdirSync(folder).sort()) {
      await applyManifests(client, readFileSync(path.join(folder, file), 'utf8'), file, 'e2e');
    }
    const available = (all: readonly Deployment[]): true | undefined =>
      all.length > 0 &&
      all.every(({ spec, status }) => Number(status?.['availableReplicas'] ?? 0) >= (spec.replicas ?? 1))
        ? true
        : undefined;
    assert.ok(
      await waitFor<Deployment, true>(client, KIND.Deployment, available, { namespace: NAMESPACE, timeoutMs: 60_000 }),
    );
  });

  it('enrolls a namespace without restarting a pod', async () => {
    const before = await client.list<Pod>(KIND.Pod, { namespace: NAMESPACE });
    await vscode.commands.executeCommand('ambient.enrollNamespace', { namespace: NAMESPACE });
    const after = await client.list<Pod>(KIND.Pod, { namespace: NAMESPACE });
    assert.deepEqual(after.map((pod) => pod.metadata.uid).sort(), before.map((pod) => pod.metadata.uid).sort());
    for (const pod of after) {
      assert.equal(pod.metadata.annotations?.[REDIRECTION], 'enabled', pod.metadata.name);
      assert.ok(pod.status?.containerStatuses?.every((status) => status.restartCount === 0));
    }
  });

  it('deploys a waypoint for a service with one click', async () => {
    await vscode.commands.executeCommand('ambient.deployWaypoint', { namespace: NAMESPACE, service: 'reviews' });
    const gateway = await client.get<Gateway>(KIND.Gateway, 'waypoint', NAMESPACE);
    assert.ok(
      gateway?.status?.conditions?.some((condition) => condition.type === 'Programmed' && condition.status === 'True'),
    );
  });

  it('shows the traffic as the generator counts it', async function () {
    await vscode.commands.executeCommand('ambient.showTrafficFlow');
    if ((await shownFlows()) === undefined) return this.skip();
    const find = async (from: string, to: string, verdict: string): Promise<readonly string[] | undefined> =>
      (await shownFlows())?.rows.find(
        (row) => row[0] === `${NAMESPACE}/${from}` && row[1] === `${NAMESPACE}/${to}` && row[3] === verdict,
      );
    const wanted = [
      ['visitors', 'storefront', 'allow'],
      ['visitors', 'waypoint', 'deny'],
      ['snooper', 'payments', 'deny'],
      ['waypoint', 'reviews-v2', 'allow'],
    ] as const;
    for (const [from, to, verdict] of wanted) {
      const row = await until(`${from} to ${to}, ${verdict}`, () => find(from, to, verdict));
      assert.match(row[2] ?? '', /^mTLS/);
    }
    assert.equal((await find('snooper', 'payments', 'deny'))?.[4], `${NAMESPACE}/payments-from-cart`);
    assert.equal((await find('visitors', 'waypoint', 'deny'))?.[4], `${NAMESPACE}/reviews-readers`);

    const total = async (from: string, to: string, verdict: string): Promise<number> =>
      Number((await find(from, to, verdict))?.[8]);
    const sum = (
      counts: readonly Count[],
      names: readonly string[],
      key: 'succeeded' | 'deniedL4' | 'deniedL7',
    ): number => counts.filter((count) => names.includes(count.name)).reduce((all, count) => all + count[key], 0);
    const measure = async (): Promise<number[][]> => {
      const [visitors, snooper] = await Promise.all([countsOf('visitors'), countsOf('snooper')]);
      return [
        [await total('visitors', 'storefront', 'allow'), sum(visitors, ['home', 'book', 'checkout'], 'succeeded')],
        [await total('visitors', 'waypoint', 'deny'), sum(visitors, ['delete-review'], 'deniedL7')],
        [await total('snooper', 'payments', 'deny'), sum(snooper, ['payments'], 'deniedL4')],
      ];
    };
    const before = await measure();
    const from = Date.now();
    await until('enough traffic', async () => (Date.now() - from > COMPARED_MS ? true : undefined));
    const after = await measure();
    after.forEach(([shown = 0, counted = 0], index) => {
      const [shownBefore = 0, countedBefore = 0] = before[index] ?? [];
      const [a, b] = [shown - shownBefore, counted - countedBefore];
      // One request may be under way at each of the two moments.
      assert.ok(Math.abs(a - b) <= Math.max(2, 0.05 * b), `flow ${index}: shown ${a}, counted ${b}`);
    });
    const { labels } = (await shownFlows()) ?? { labels: [] };
    assert.ok(
      labels.some((label) => label.includes('DENIED')),
      'the diagram names no denial',
    );
    await screenshot('traffic-flow');
  });

  it('stops and leaves no mesh', async () => {
    await vscode.commands.executeCommand('ambient.stopMesh');
    assert.equal(api.state, 'stopped');
    await assert.rejects(client.list(KIND.Namespace));
    client[Symbol.dispose]();
  });
});
