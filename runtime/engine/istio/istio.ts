import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { APP } from '../../api/labels';
import { KIND, pathOf } from '../../api/kinds';
import type { Pod } from '../../api/resources';
import { MeshError } from '../../errors';
import { accessOf, apiError, KubeClient } from '../../kube/client';
import type { Engine, MeshStatus, UpOptions, UpResult } from '../engine';
import { kubeconfigFile, readEngineRecord, removeRecord, writeRecord, type IstioRecord } from '../record';
import { detect, installationNotes, requireAmbient } from './detect';
import { chooseContext, writeContext } from './kubeconfig';
import { missingPermissions, permissionLines, PERMISSIONS, type Permission } from './permissions';
import { attachedStatus } from './status';

const NAME = 'istio';
const LOG_LINES = '200';

function readRecord(state: string): IstioRecord | undefined {
  const record = readEngineRecord(state);
  return record?.engine === NAME ? record : undefined;
}

/** Attaches: looks at the cluster and remembers its context. Nothing in the cluster changes. */
async function up({ state: folder, onProgress = () => {}, ...options }: UpOptions): Promise<UpResult> {
  const started = performance.now();
  const state = path.resolve(folder);
  // Without a choice it stays with the cluster that it is attached to.
  const attach = options.attach?.context || options.attach?.kubeconfig ? options.attach : (readRecord(state) ?? {});
  const config = chooseContext(attach);
  using client = new KubeClient(accessOf(config));
  const { context, server } = client;
  onProgress({ stage: 'attach', message: `asking ${server} what context ${context} may do` });
  const missing = await missingPermissions(client);
  const vital = missing.filter(({ need }) => need === 'view');
  if (vital.length > 0)
    throw new MeshError('AMB_ERR_PERMISSIONS', { context, missing: permissionLines(vital).join('; ') });
  onProgress({ stage: 'attach', message: 'looking for istiod, ztunnel and the CNI node agent' });
  const installation = await detect(client);
  requireAmbient(installation, context);
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeRecord(state, { engine: NAME, context, server, kubeconfig: absolute(attach.kubeconfig) });
  writeContext(config, kubeconfigFile(state));
  return {
    kubeconfig: kubeconfigFile(state),
    readyMs: performance.now() - started,
    notes: [...installationNotes(installation), ...missingNotes(missing)],
  };
}

const absolute = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : path.resolve(file);

function missingNotes(missing: readonly Permission[]): string[] {
  const rest = PERMISSIONS.filter((permission) => permission.need !== 'view' && missing.includes(permission));
  return permissionLines(rest).map((line) => `not allowed: ${line}`);
}

/** Detaches: forgets the context. The cluster stays as it is. */
async function down({ state: folder }: { state: string }): Promise<boolean> {
  const state = path.resolve(folder);
  const attached = readRecord(state) !== undefined;
  if (attached) removeRecord(state);
  return Promise.resolve(attached);
}

/** The kubeconfig as the user has it now: tokens change, and a context may be gone. */
function refreshed(state: string, record: IstioRecord): KubeConfig {
  const config = chooseContext(record);
  writeContext(config, kubeconfigFile(state));
  return config;
}

async function status({ state: folder }: { state: string }): Promise<MeshStatus> {
  const state = path.resolve(folder);
  const record = readRecord(state);
  const empty = { engine: NAME, nodes: [], components: [], namespaces: [], missingIsolation: [] };
  if (record === undefined) return { ...empty, state: 'stopped' };
  using client = new KubeClient(accessOf(refreshed(state, record)));
  return {
    engine: NAME,
    state: 'running',
    context: record.context,
    kubeconfig: kubeconfigFile(state),
    ...(await attachedStatus(client)),
  };
}

/** istiod's own log, through the API server. */
async function* logs(options: { state: string; follow?: boolean; signal?: AbortSignal }): AsyncGenerator<string> {
  const state = path.resolve(options.state);
  const record = readRecord(state);
  if (record === undefined) throw new MeshError('AMB_ERR_NOT_RUNNING', { state });
  using client = new KubeClient(accessOf(refreshed(state, record)));
  const [pod] = await client.list<Pod>(KIND.Pod, { labelSelector: `app=${APP.istiod}` });
  if (pod === undefined) throw new MeshError('AMB_ERR_ISTIO_MISSING', { context: record.context });
  const { namespace, name } = pod.metadata;
  const answer = await client.stream('GET', `${pathOf(KIND.Pod, namespace, name)}/log`, {
    query: { tailLines: LOG_LINES, follow: String(options.follow === true), container: pod.spec.containers[0]?.name },
    signal: options.signal,
    accept: '*/*',
  });
  answer.setEncoding('utf8');
  let refusal = '';
  try {
    for await (const chunk of answer) {
      if (answer.statusCode === 200) yield String(chunk);
      else refusal += String(chunk);
    }
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
  }
  if (refusal !== '') throw apiError(answer.statusCode ?? 0, refusal, `the log of ${namespace}/${name}`);
}

/** Upstream Istio ambient in any cluster that a kubeconfig knows: read until the user acts. */
export const istio: Engine = {
  name: NAME,
  keepsObjects: false,
  available() {
    try {
      chooseContext({});
      return Promise.resolve(undefined);
    } catch (error) {
      if (MeshError.is(error)) return Promise.resolve({ message: error.message, remedy: error.remedy });
      throw error;
    }
  },
  up,
  down,
  status,
  kubeconfig({ state: folder }) {
    const state = path.resolve(folder);
    const record = readRecord(state);
    if (record === undefined) return Promise.resolve(undefined);
    try {
      refreshed(state, record);
    } catch (error) {
      // The copy is what is left of a context that is gone; whoever uses it is told by the cluster.
      if (!MeshError.is(error, 'AMB_ERR_CONTEXT_UNKNOWN') && !MeshError.is(error, 'AMB_ERR_KUBECONFIG')) throw error;
    }
    return Promise.resolve(kubeconfigFile(state));
  },
  logs,
};
