import { readFileSync, writeFileSync } from 'node:fs';
import { KIND } from '../../runtime/api/kinds';
import { DATAPLANE_MODE, REDIRECTION } from '../../runtime/api/labels';
import type { Namespace, Pod } from '../../runtime/api/resources';
import { Watch } from '../../runtime/kube/watch';
import { AttachedCluster } from '../telemetry/attached-cluster';
import { SimulatedMesh } from '../telemetry/simulated-mesh';

/** The same cluster once more, by a name that looks like production. */
function addProduction(kubeconfig: string): void {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { contexts: { name: string; context: object }[] };
  config.contexts.push({ name: 'shop-prod', context: config.contexts[0]!.context });
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
}

// The cluster that the workbench attaches to: upstream's objects, 200 services, proxies with recorded telemetry. Prints
// its kubeconfig's path and lives until standard input ends.
async function main(): Promise<void> {
  const cluster = await AttachedCluster.start();
  const mesh = new SimulatedMesh(() => performance.now());
  cluster.metrics = (address) => mesh.page(address);
  await mesh.create(cluster);
  // The CNI node agent: annotates what its namespace's label captures.
  const follow = async ({ metadata: { name: namespace, labels } }: Namespace): Promise<void> => {
    const enabled = labels?.[DATAPLANE_MODE] === 'ambient' ? 'enabled' : null;
    for (const { metadata } of await cluster.admin.list<Pod>(KIND.Pod, { namespace })) {
      if ((metadata.annotations?.[REDIRECTION] ?? null) === enabled) continue;
      const patch = { metadata: { annotations: { [REDIRECTION]: enabled } } };
      await cluster.admin.patch(KIND.Pod, metadata.name, namespace, patch);
    }
  };
  const agent = new Watch<Namespace>(cluster.admin, KIND.Namespace, ({ type, object }) => {
    if (type === 'modified') void follow(object);
  });
  await agent.ready;
  addProduction(cluster.kubeconfig);
  console.log(cluster.kubeconfig);
  process.stdin.resume();
  process.stdin.once('end', () => {
    void agent[Symbol.asyncDispose]().then(() => cluster[Symbol.asyncDispose]());
  });
}

void main();
