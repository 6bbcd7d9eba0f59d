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
const COMPARED_MS = 20_000;

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
    const loaded = Object.keys(require.cache).filter((file) => /mesh-library\.js$/.test(file));
    assert.deepEqual(loaded, []);
  });

  it('starts', async () => {
    await vscode.commands.executeCommand('ambient.mesh.focus');
    await vscode.workspace.getConfiguration('ambient').update('engine', 'embedded', vscode.ConfigurationTarget.Global);
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

    // Each figure carries the moment when it was read: page and generators answer at different times on a busy machine.
    type Reading = readonly { count: number; time: number }[];
    const shown = async (): Promise<Reading> => {
      const rows = (await shownFlows())?.rows ?? [];
      const time = performance.now();
      return wanted.slice(0, 3).map(([from, to, verdict]) => {
        const row = rows.find(
          (cells) => cells[0] === `${NAMESPACE}/${from}` && cells[1] === `${NAMESPACE}/${to}` && cells[3] === verdict,
        );
        return { count: Number(row?.[8]), time };
      });
    };
    const counted = async (): Promise<Reading> => {
      const visitors = await countsOf('visitors');
      const visited = performance.now();
      const snooper = await countsOf('snooper');
      const snooped = performance.now();
      const sum = (names: readonly string[], key: 'succeeded' | 'deniedL7'): number =>
        visitors.filter((count) => names.includes(count.name)).reduce((all, count) => all + count[key], 0);
      return [
        { count: sum(['home', 'book', 'checkout'], 'succeeded'), time: visited },
        { count: sum(['delete-review'], 'deniedL7'), time: visited },
        { count: snooper[0]?.deniedL4 ?? 0, time: snooped },
      ];
    };
    const before = [await shown(), await counted()] as const;
    await until('enough traffic', async () =>
      performance.now() - (before[0][0]?.time ?? 0) > COMPARED_MS ? true : undefined,
    );
    const after = [await shown(), await counted()] as const;
    const rate = (side: 0 | 1, flow: number): number => {
      const [from, to] = [before[side][flow], after[side][flow]];
      assert.ok(from && to);
      return ((to.count - from.count) * 1000) / (to.time - from.time);
    };
    wanted.slice(0, 3).forEach(([from, to], flow) => {
      const [drawn, sent] = [rate(0, flow), rate(1, flow)];
      console.log(`${from} to ${to}: shown ${drawn.toFixed(2)}/s, counted ${sent.toFixed(2)}/s`);
      // 5 %, and one request that may be under way at each of the four readings.
      assert.ok(
        Math.abs(drawn - sent) <= 0.05 * sent + 2000 / COMPARED_MS,
        `${from} to ${to}: shown ${drawn}, counted ${sent}`,
      );
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
