import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import { KIND, pathOf } from '../api/kinds';
import type { Pod } from '../api/resources';
import { engineOf } from '../engine/registry';
import { MeshError } from '../errors';
import { apiError, type KubeClient } from '../kube/client';
import { connectToMesh, stateFolder, type MeshOptions } from './mesh';
import { interruptible } from './output';

export interface LogsCommand extends MeshOptions {
  follow?: boolean;
  tail: number;
}

const apps: Record<string, string> = { istiod: APP.istiod, agent: APP.agent, ztunnel: APP.ztunnel };

async function podOf(client: KubeClient, component: string): Promise<{ namespace: string; name: string }> {
  const [first = '', second] = component.split('/');
  if (second !== undefined) return { namespace: first, name: second };
  const app = apps[component];
  if (app === undefined) {
    const known = ['supervisor', ...Object.keys(apps)].join(', ');
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `There is no component ${component}.`,
      remedy: `Name one of ${known}, or NAMESPACE/POD.`,
    });
  }
  const pods = await client.list<Pod>(KIND.Pod, { labelSelector: `app=${app}` });
  // An attached cluster may have Istio in a namespace of another name.
  const pod = pods.find(({ metadata }) => metadata.namespace === SYSTEM_NAMESPACE) ?? pods[0];
  if (pod === undefined) throw new MeshError('AMB_ERR_API', { what: component, reason: 'it has no pod', status: 404 });
  return { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
}

/** `ambient logs`: the supervisor's own log, or a pod's through the API. */
export async function logs(options: LogsCommand, component: string): Promise<void> {
  const signal = interruptible();
  if (component === 'supervisor') {
    const state = stateFolder(options.state);
    const lines = (await engineOf(state)).logs({ state, follow: options.follow === true, signal });
    for await (const text of lines) process.stdout.write(text);
    return;
  }
  const client = await connectToMesh(options);
  const { namespace, name } = await podOf(client, component);
  const path = `${pathOf(KIND.Pod, namespace, name)}/log`;
  const query = { tailLines: String(options.tail), follow: options.follow === true ? 'true' : undefined };
  const answer = await client.stream('GET', path, { query, signal, accept: '*/*' });
  if (answer.statusCode !== 200) {
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    throw apiError(answer.statusCode ?? 0, body, `the log of ${namespace}/${name}`);
  }
  try {
    for await (const chunk of answer) process.stdout.write(chunk as Buffer);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    client[Symbol.dispose]();
  }
}
