import { DATAPLANE_MODE, GATEWAY_NAME, USE_WAYPOINT, WAYPOINT_CLASS, WAYPOINT_FOR } from '../api/labels';
import { KIND } from '../api/kinds';
import { PORT } from '../api/ports';
import type { Condition, Gateway, Namespace, Pod, Service } from '../api/resources';
import { MeshError } from '../errors';
import type { KubeClient } from './client';
import { requireNamespace } from './enrollment';
import { waitFor } from './wait';

export type TrafficType = 'service' | 'workload' | 'all' | 'none';

const FIELD_MANAGER = 'ambient';

export interface WaypointInfo {
  readonly namespace: string;
  readonly name: string;
  readonly trafficType: TrafficType;
  readonly programmed: boolean;
  readonly reason: string;
  readonly message: string;
  readonly addresses: readonly string[];
}

export interface ApplyWaypoint {
  namespace: string;
  name?: string;
  trafficType?: TrafficType;
  /** Sends the whole namespace through it; otherwise only what is labelled. */
  enrollNamespace?: boolean;
  /** Sends one service through it. */
  service?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The Gateway object of a waypoint, as `istioctl waypoint generate` prints it. */
export function waypointGateway(namespace: string, name: string, trafficType?: TrafficType): Gateway {
  return {
    metadata: { name, namespace, ...(trafficType && { labels: { [WAYPOINT_FOR]: trafficType } }) },
    spec: { gatewayClassName: WAYPOINT_CLASS, listeners: [{ name: 'mesh', port: PORT.hbone, protocol: 'HBONE' }] },
  };
}

function condition(gateway: Gateway, type: string): Condition | undefined {
  return gateway.status?.conditions?.find((entry) => entry.type === type);
}

export function waypointInfo(gateway: Gateway): WaypointInfo {
  const programmed = condition(gateway, 'Programmed');
  return {
    namespace: gateway.metadata.namespace ?? '',
    name: gateway.metadata.name,
    trafficType: (gateway.metadata.labels?.[WAYPOINT_FOR] as TrafficType | undefined) ?? 'service',
    programmed: programmed?.status === 'True',
    reason: programmed?.reason ?? 'Pending',
    message: programmed?.message ?? 'Waiting for controller',
    addresses: gateway.status?.addresses?.map((address) => address.value) ?? [],
  };
}

/** Waypoints of one namespace or of all. */
export async function listWaypoints(client: KubeClient, namespace?: string): Promise<WaypointInfo[]> {
  if (namespace !== undefined) await requireNamespace(client, namespace);
  const gateways = await client.list<Gateway>(KIND.Gateway, { namespace });
  return gateways.filter((gateway) => gateway.spec.gatewayClassName === WAYPOINT_CLASS).map(waypointInfo);
}

/**
 * Deploys a waypoint and waits until it is programmed, then labels what shall use it, so that no request meets a
 * waypoint that is not there yet.
 *
 * @returns the waypoint, and a warning where the namespace's traffic will not reach it
 * @throws MeshError AMB_ERR_NAMESPACE_UNKNOWN, AMB_ERR_WAYPOINT_NOT_READY
 */
export async function applyWaypoint(
  client: KubeClient,
  options: ApplyWaypoint,
): Promise<WaypointInfo & { warning?: string }> {
  const { namespace, name = 'waypoint', trafficType, timeoutMs = 90_000, signal } = options;
  const found = await requireNamespace(client, namespace);
  if (
    options.service !== undefined &&
    (await client.get<Service>(KIND.Service, options.service, namespace)) === undefined
  ) {
    throw new MeshError('AMB_ERR_API', {
      what: `the service ${namespace}/${options.service}`,
      reason: 'there is no such service',
      status: 404,
    });
  }
  await client.apply(KIND.Gateway, waypointGateway(namespace, name, trafficType), FIELD_MANAGER);
  let latest: Gateway | undefined;
  const programmed = (gateways: readonly Gateway[]): Gateway | undefined => {
    latest = gateways.find((gateway) => gateway.metadata.name === name);
    return latest !== undefined && waypointInfo(latest).programmed ? latest : undefined;
  };
  const ready = await waitFor<Gateway, Gateway>(client, KIND.Gateway, programmed, { namespace, timeoutMs, signal });
  if (ready === undefined) {
    const reason = latest === undefined ? 'it was deleted meanwhile' : waypointInfo(latest).message;
    throw new MeshError('AMB_ERR_WAYPOINT_NOT_READY', { namespace, name, seconds: timeoutMs / 1000, reason });
  }
  const use = { metadata: { labels: { [USE_WAYPOINT]: name } } };
  if (options.enrollNamespace === true) await client.patch(KIND.Namespace, namespace, undefined, use);
  if (options.service !== undefined) await client.patch(KIND.Service, options.service, namespace, use);
  return { ...waypointInfo(ready), warning: warningFor(found, options) };
}

function warningFor(namespace: Namespace, { enrollNamespace }: ApplyWaypoint): string | undefined {
  if (namespace.metadata.labels?.[DATAPLANE_MODE] === 'ambient' || enrollNamespace !== true) return undefined;
  return `Namespace ${namespace.metadata.name} is not enrolled: its own pods will not use the waypoint until it is (ambient enroll ${namespace.metadata.name}).`;
}

/**
 * Takes a waypoint away and waits until its pods have drained. Labels that name it stay as they were written, as with
 * istioctl: traffic then goes direct, and a new waypoint of the name takes over again.
 *
 * @returns what still names it, as `namespace/<name>` or `service/<name>`
 * @throws MeshError AMB_ERR_WAYPOINT_UNKNOWN
 */
export async function deleteWaypoint(
  client: KubeClient,
  namespace: string,
  name = 'waypoint',
  { timeoutMs = 30_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<string[]> {
  const found = await requireNamespace(client, namespace);
  if ((await client.get<Gateway>(KIND.Gateway, name, namespace)) === undefined) {
    throw new MeshError('AMB_ERR_WAYPOINT_UNKNOWN', { namespace, name });
  }
  const services = await client.list<Service>(KIND.Service, { namespace, labelSelector: `${USE_WAYPOINT}=${name}` });
  await client.delete(KIND.Gateway, name, namespace);
  const gone = (pods: readonly Pod[]): true | undefined => (pods.length === 0 ? true : undefined);
  await waitFor<Pod, true>(client, KIND.Pod, gone, {
    namespace,
    labelSelector: `${GATEWAY_NAME}=${name}`,
    timeoutMs,
    signal,
  });
  const named = services.map((service) => `service/${service.metadata.name}`);
  return found.metadata.labels?.[USE_WAYPOINT] === name ? [`namespace/${namespace}`, ...named] : named;
}
