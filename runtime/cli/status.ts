import type { MeshStatus } from '../engine/engine';
import { engineOf } from '../engine/registry';
import { print, table, type OutputFormat } from './output';
import { stateFolder } from './mesh';

function text(status: MeshStatus): string {
  const nodes = status.nodes.map((node) => [node.name, node.redirect ?? '', node.redirectReason ?? '']);
  const components = status.components.map((component) => [
    component.name,
    component.ready ? 'yes' : 'no',
    component.pid === 0 ? '' : String(component.pid),
    component.memoryMiB.toFixed(0),
  ]);
  const namespaces = status.namespaces.map((entry) => [
    entry.name,
    entry.enrolled ? 'ambient' : '',
    entry.waypoint ?? '',
  ]);
  return [
    `engine ${status.engine}, ${status.state}${status.kubeconfig === undefined ? '' : `, KUBECONFIG=${status.kubeconfig}`}\n`,
    ...status.missingIsolation.map((missing) => `note: ${missing}\n`),
    `\n${table(['NODE', 'REDIRECT', 'REASON'], nodes)}`,
    `\n${table(['COMPONENT', 'READY', 'PID', 'MEMORY MIB'], components)}`,
    `\n${table(['NAMESPACE', 'MODE', 'WAYPOINT'], namespaces)}`,
  ].join('');
}

/** `ambient status`: exit code 1 when no mesh runs or a component is not ready. */
export async function status(options: { output: OutputFormat; state?: string }): Promise<number> {
  const state = stateFolder(options.state);
  const found = await (await engineOf(state)).status({ state });
  print(options.output, found, (value) =>
    value.state === 'stopped' ? `No mesh is running from ${state}. Start one with: ambient up\n` : text(value),
  );
  return found.state === 'running' && found.components.every((component) => component.ready) ? 0 : 1;
}
