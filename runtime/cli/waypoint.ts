import { applyWaypoint, deleteWaypoint, listWaypoints, type TrafficType, type WaypointInfo } from '../kube/waypoints';
import { connectToMesh, type MeshOptions } from './mesh';
import { guardProduction } from './production-guard';
import { interruptible, print, progress, table } from './output';

interface ApplyCommand extends MeshOptions {
  namespace: string;
  name: string;
  for?: TrafficType;
  enrollNamespace?: boolean;
  service?: string;
  timeout: number;
}

/** `ambient waypoint apply`. */
export async function applyWaypointCommand(options: ApplyCommand): Promise<void> {
  const client = await connectToMesh(options);
  await guardProduction(client, `deploy waypoint ${options.namespace}/${options.name}`, options.yes);
  const line = progress(options.output);
  line.say(`deploying waypoint ${options.namespace}/${options.name} ...`);
  const waypoint = await applyWaypoint(client, {
    namespace: options.namespace,
    name: options.name,
    trafficType: options.for,
    enrollNamespace: options.enrollNamespace,
    service: options.service,
    timeoutMs: options.timeout * 1000,
    signal: interruptible(),
  });
  line.done();
  if (waypoint.warning !== undefined) process.stderr.write(`warning: ${waypoint.warning}\n`);
  print(options.output, waypoint, () => `Waypoint ${options.namespace}/${options.name} is programmed.\n`);
  client[Symbol.dispose]();
}

/** `ambient waypoint delete`. */
export async function deleteWaypointCommand(options: MeshOptions & { namespace: string; name: string }): Promise<void> {
  const client = await connectToMesh(options);
  await guardProduction(client, `delete waypoint ${options.namespace}/${options.name}`, options.yes);
  const named = await deleteWaypoint(client, options.namespace, options.name, { signal: interruptible() });
  print(options.output, { deleted: `${options.namespace}/${options.name}`, stillNamedBy: named }, () => {
    const rest = named.length === 0 ? '' : `Still labelled for it, and going direct meanwhile: ${named.join(', ')}.\n`;
    return `Waypoint ${options.namespace}/${options.name} is deleted.\n${rest}`;
  });
  client[Symbol.dispose]();
}

/** `ambient waypoint list|status`, with istioctl's columns; status has exit code 1 when one is not programmed. */
export async function listWaypointsCommand(
  options: MeshOptions & { namespace?: string },
  verb: 'list' | 'status',
): Promise<number> {
  const client = await connectToMesh(options);
  const waypoints = await listWaypoints(client, options.namespace);
  print(options.output, waypoints, (found) => (found.length === 0 ? 'No waypoints found.\n' : text(found, verb)));
  client[Symbol.dispose]();
  return verb === 'status' && !waypoints.every((waypoint) => waypoint.programmed) ? 1 : 0;
}

function text(waypoints: readonly WaypointInfo[], verb: 'list' | 'status'): string {
  if (verb === 'list') {
    const rows = waypoints.map((entry) => [
      entry.namespace,
      entry.name,
      entry.trafficType,
      entry.programmed ? 'True' : 'False',
    ]);
    return table(['NAMESPACE', 'NAME', 'TRAFFIC TYPE', 'PROGRAMMED'], rows);
  }
  const rows = waypoints.map((entry) => [
    entry.namespace,
    entry.name,
    entry.programmed ? 'True' : 'False',
    'Programmed',
    entry.reason,
    entry.message,
  ]);
  return table(['NAMESPACE', 'NAME', 'STATUS', 'TYPE', 'REASON', 'MESSAGE'], rows);
}
