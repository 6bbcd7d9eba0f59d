import type { MeshStatus } from '../engine/engine';
import { engineOf } from '../engine/registry';
import { KIND } from '../api/kinds';
import type { Namespace, Pod } from '../api/resources';
import { summaryWords, type CertificateSummary } from '../kube/certificates';
import { connect } from '../kube/client';
import { enrolledPods, enrollmentWords, type EnrolledPod } from '../kube/enrolled-pods';
import { certificateSummary } from '../kube/workload-certificates';
import { print, progress, table, type OutputFormat } from './output';
import { stateFolder } from './mesh';

interface StatusCommand {
  output: OutputFormat;
  state?: string;
  /** Asks ztunnels for workloads' certificates, a port-forward each. */
  certificates?: boolean;
}

/** What is read of the mesh's objects, where one runs. */
interface Read {
  readonly pods: readonly EnrolledPod[];
  readonly certificates?: CertificateSummary;
}

type Shown = MeshStatus & Partial<Read>;

function text(status: Shown): string {
  const nodes = status.nodes.map((node) => [node.name, node.redirect ?? '', node.redirectReason ?? '']);
  const components = status.components.map((component) => [
    component.name,
    component.ready ? 'yes' : 'no',
    component.pid === 0 ? '' : String(component.pid),
    component.memoryMiB === 0 ? '' : component.memoryMiB.toFixed(0),
  ]);
  const namespaces = status.namespaces.map((entry) => [
    entry.name,
    entry.enrolled ? 'ambient' : '',
    entry.waypoint ?? '',
  ]);
  const pods = (status.pods ?? []).map((pod) => [pod.namespace, pod.name, enrollmentWords(pod)]);
  const context = status.context === undefined ? '' : `, context ${status.context}`;
  const version = status.version === undefined ? '' : `, Istio ${status.version}`;
  return [
    `engine ${status.engine}, ${status.state}${context}${version}${status.kubeconfig === undefined ? '' : `, KUBECONFIG=${status.kubeconfig}`}\n`,
    ...status.missingIsolation.map((missing) => `note: ${missing}\n`),
    ...(status.problems ?? []).map(({ message, remedy }) => `problem: ${message}\n  ${remedy}\n`),
    status.certificates === undefined ? '' : `certificates: ${summaryWords(status.certificates, Date.now())}\n`,
    nodes.length === 0 ? '' : `\n${table(['NODE', 'REDIRECT', 'REASON'], nodes)}`,
    `\n${table(['COMPONENT', 'READY', 'PID', 'MEMORY MIB'], components)}`,
    `\n${table(['NAMESPACE', 'MODE', 'WAYPOINT'], namespaces)}`,
    pods.length === 0 ? '' : `\n${table(['NAMESPACE', 'POD', 'AMBIENT'], pods)}`,
  ].join('');
}

/** Which pods are enrolled, by whose label, and whether they are captured; with certificates, if asked for. */
async function read(kubeconfig: string, { certificates, output }: StatusCommand): Promise<Read> {
  using client = await connect({ kubeconfig });
  const [namespaces, pods] = await Promise.all([client.list<Namespace>(KIND.Namespace), client.list<Pod>(KIND.Pod)]);
  const enrolled = { pods: enrolledPods(namespaces, pods) };
  if (certificates !== true) return enrolled;
  const line = progress(output);
  const summary = await certificateSummary(client, (next, all) => line.say(`asking ztunnel ${next} of ${all}`));
  line.done();
  return { ...enrolled, certificates: summary };
}

/** `ambient status`: exit code 1 when no mesh runs, a component is not ready, or something keeps traffic from flowing. */
export async function status(options: StatusCommand): Promise<number> {
  const state = stateFolder(options.state);
  const mesh = await (await engineOf(state)).status({ state });
  const running = mesh.state === 'running' && mesh.kubeconfig !== undefined;
  const found: Shown = running ? { ...mesh, ...(await read(mesh.kubeconfig, options)) } : mesh;
  print(options.output, found, (value) =>
    value.state === 'stopped' ? `No mesh is running from ${state}. Start one with: ambient up\n` : text(value),
  );
  const flows = (found.problems ?? []).length === 0;
  return found.state === 'running' && flows && found.components.every((component) => component.ready) ? 0 : 1;
}
