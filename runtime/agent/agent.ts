import { KIND } from '../api/kinds';
import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import type { Pod } from '../api/resources';
import { MeshError, reasonOf } from '../errors';
import type { KubeClient } from '../kube/client';
import { log } from '../telemetry/log';
import { serveReadiness, serveStats } from '../telemetry/stats-server';
import { installCni, type CniFolders } from './cni-installation';
import { PLUGIN } from './cni-config';
import { addressesOf, serveCni } from './cni-server';
import { Enroller } from './enroller';
import { hasEnded } from './enrollment-rule';
import { agentMetrics } from './metrics';
import { HostProbes } from './host-probes';
import { NodePods } from './node-pods';
import { OlderConnections } from './older-connections';
import type { PodCapture } from './pod-capture';
import { ZdsServer } from './zds-server';

const logger = log('agent');
/** The kubelet gives up after 10 s and comes again. */
const CMDADD_TIMEOUT_MS = 9_000;
/** Within the time that the kubelet gives a pod to end. */
const RELEASE_TIMEOUT_MS = 5_000;

export interface AgentSettings {
  readonly nodeName: string;
  readonly podName: string;
  /** Paths of the two unix sockets. */
  readonly zdsSocket: string;
  readonly cniSocket: string;
  /** Path of the node's network namespace; undefined leaves the kubelet's probes as they are. */
  readonly nodeNetwork?: string;
  /** Where the network plugin goes; undefined where the kubelet asks the agent by itself. */
  readonly cni?: CniFolders;
  readonly statsPort: number;
  readonly readinessPort: number;
  readonly host: string;
}

export interface Agent {
  readonly statsPort: number;
  readonly readinessPort: number;
  /** Lets every pod of the node go and takes the plugin out of its network: the mesh is being removed. */
  leaveNode(): Promise<void>;
  /** Closes everything and leaves capture in place: traffic stops rather than passes in the clear. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Says on the Node how its pods are captured, and why so. */
async function annotateNode(client: KubeClient, node: string, { mode, reason }: PodCapture): Promise<void> {
  const annotations = { 'ambient.dev/redirect': mode, 'ambient.dev/redirect-reason': reason };
  await client.patch(KIND.Node, node, undefined, { metadata: { annotations } });
}

/** Starts the agent of one node; resolves when it is ready to serve ztunnel and the kubelet. */
export async function startAgent(client: KubeClient, capture: PodCapture, settings: AgentSettings): Promise<Agent> {
  const { nodeNetwork } = settings;
  const probes = nodeNetwork === undefined ? undefined : await HostProbes.start(nodeNetwork);
  const zds = new ZdsServer(settings.zdsSocket, {
    beforeSnapshot: async () => prepareZtunnels(capture, await pods.ztunnels()),
    onSnapshot: () => enroller.retryNow(),
  });
  const older = new OlderConnections(settings.podName, (address) => pods.at(address));
  const metrics = agentMetrics({
    captured: () => enroller.captured,
    ztunnels: () => zds.connected,
    older: () => older.count,
  });
  const enroller = new Enroller({
    client,
    capture,
    zds,
    older,
    probes,
    onOutcome: (outcome) => metrics.outcome(outcome),
  });
  const pods = new NodePods(
    client,
    settings.nodeName,
    (pod) => (hasEnded(pod) ? enroller.forget(pod.metadata.uid ?? '') : enroller.want(pod, pods.isWanted(pod))),
    (pod) => {
      enroller.forget(pod.metadata.uid ?? '');
      void releaseStranger(capture, pod.metadata.uid ?? '');
    },
  );
  const missing = (): string | undefined => {
    if (!pods.synced) return 'waiting for pods and namespaces';
    return zds.listening ? undefined : 'not yet listening for ztunnel';
  };
  const stats = await serveStats(settings.statsPort, { registry: metrics.registry, flows: older, host: settings.host });
  const readiness = await serveReadiness(settings.readinessPort, missing, settings.host);

  await pods.ready;
  const present = new Set(pods.all().map(({ metadata }) => metadata.uid ?? ''));
  for (const uid of capture.leftovers()) if (!present.has(uid)) await capture.release(uid, undefined);
  await Promise.all(pods.all().map((pod) => enroller.adopt(pod, pods.isWanted(pod))));
  zds.listen();
  for (const pod of pods.all()) if (!hasEnded(pod)) enroller.want(pod, pods.isWanted(pod));
  const cni = await serveCni(settings.cniSocket, async (command) => {
    const { podName, podNamespace, podUid, netns } = command;
    const found = await pods.fetch(podNamespace, podName, podUid);
    if (found === undefined) throw new Error(`there is no pod ${podNamespace}/${podName}`);
    const place = { netns, addresses: addressesOf(command) };
    if (found.wanted) await enroller.captureNow(found.pod, place, CMDADD_TIMEOUT_MS);
    return found.wanted;
  });
  const plugin = installCni(settings.cni, {
    type: PLUGIN,
    socket: settings.cniSocket,
    exempt: `${SYSTEM_NAMESPACE}/${APP.agent}-`,
  });
  annotateNode(client, settings.nodeName, capture).catch((error: unknown) =>
    logger.warn('the node was not annotated', { error: reasonOf(error) }),
  );
  logger.info('ready', { node: settings.nodeName, redirect: capture.mode, reason: capture.reason });
  return {
    statsPort: stats.port,
    readinessPort: readiness.port,
    async leaveNode() {
      plugin?.remove();
      await enroller.releaseAll(RELEASE_TIMEOUT_MS);
      for (const uid of capture.leftovers()) await capture.release(uid, undefined);
    },
    async [Symbol.asyncDispose]() {
      plugin?.close();
      cni.close();
      enroller.close();
      zds.close();
      stats.close();
      readiness.close();
      older.close();
      await pods[Symbol.asyncDispose]();
      capture.close();
    },
  };
}

/**
 * Which of the node's ztunnels has connected cannot be told across pid namespaces, so every one that runs is prepared.
 *
 * @throws when none could be, so that no ztunnel serves pods whose traffic cannot reach it
 */
function prepareZtunnels(capture: PodCapture, ztunnels: readonly Pod[]): void {
  const problems: string[] = [];
  for (const { metadata } of ztunnels.filter((pod) => !hasEnded(pod))) {
    try {
      capture.prepareZtunnel(metadata.uid ?? '');
    } catch (error) {
      problems.push(`${metadata.name}: ${reasonOf(error)}`);
    }
  }
  if (problems.length > 0) logger.warn('a ztunnel is not prepared', { problems: problems.join('; ') });
  if (capture.mode === 'ebpf' && problems.length === ztunnels.length)
    throw new Error('no ztunnel of this node could be prepared');
}

/** A ztunnel's programs are pinned under its uid, although it is no member of the mesh. */
async function releaseStranger(capture: PodCapture, uid: string): Promise<void> {
  try {
    if (capture.leftovers().includes(uid)) await capture.release(uid, undefined);
  } catch (error) {
    logger.warn('pins were not removed', { uid, error: error instanceof MeshError ? error.remedy : reasonOf(error) });
  }
}
