import { PORT } from '../../api/ports';
import type { Gateway, Pod, Service } from '../../api/resources';
import { virtualAddresses } from '../index/service-resource';
import { isPodReady } from '../index/workload-resource';
import type { DesiredCondition } from './conditions';

export interface GatewayOutcome {
  readonly conditions: readonly DesiredCondition[];
  readonly addresses: readonly { readonly type: 'Hostname' | 'IPAddress'; readonly value: string }[];
  readonly listeners: readonly { readonly name: string; readonly conditions: readonly DesiredCondition[] }[];
}

/** True for a Gateway with one HBONE listener on 15008, the only form that a waypoint has. */
export function hasWaypointListener({ spec }: Gateway): boolean {
  const [listener, ...more] = spec.listeners;
  return more.length === 0 && listener?.port === PORT.hbone && listener.protocol === 'HBONE';
}

/**
 * The status of a waypoint's Gateway. It gets its addresses with the first ready waypoint pod, so that attaching to it
 * fails no request, and keeps them from then on: a waypoint whose pods are away must not be bypassed.
 *
 * @param service what istiod deployed for it, once it is there
 * @param hostname of that Service
 * @see protocol reference 6.3
 */
export function gatewayOutcome(
  gateway: Gateway,
  service: Service | undefined,
  pods: Iterable<Pod>,
  hostname: string,
): GatewayOutcome {
  if (!hasWaypointListener(gateway)) return wrongListener(gateway);
  const ips = service ? virtualAddresses(service) : [];
  const known = gateway.status?.addresses?.some(({ value }) => value === hostname) ?? false;
  const usable = ips.length > 0 && (known || [...pods].some(isPodReady));
  return {
    conditions: [
      { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Resource accepted' },
      usable
        ? {
            type: 'Programmed',
            status: 'True',
            reason: 'Programmed',
            message: `Resource programmed, assigned to service(s) ${hostname}:${PORT.hbone}`,
          }
        : {
            type: 'Programmed',
            status: 'False',
            reason: 'AddressNotUsable',
            message:
              ips.length === 0
                ? `Assigned to service(s) ${hostname}:${PORT.hbone}, but the service has no address yet`
                : `Assigned to service(s) ${hostname}:${PORT.hbone}, but no waypoint pod is ready yet`,
          },
    ],
    addresses: usable
      ? [
          { type: 'Hostname', value: hostname },
          ...ips.slice(0, 1).map((value) => ({ type: 'IPAddress' as const, value })),
        ]
      : [],
    listeners: gateway.spec.listeners.map(({ name }) => ({
      name,
      conditions: [
        { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'No errors found' },
        { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'No errors found' },
        { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'No errors found' },
        { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'No errors found' },
      ],
    })),
  };
}

function wrongListener(gateway: Gateway): GatewayOutcome {
  const message = `Expected a single listener on port ${PORT.hbone} with protocol "HBONE"`;
  return {
    conditions: [
      { type: 'Accepted', status: 'False', reason: 'ListenersNotValid', message },
      { type: 'Programmed', status: 'False', reason: 'Invalid', message },
    ],
    addresses: [],
    listeners: gateway.spec.listeners.map(({ name }) => ({
      name,
      conditions: [
        { type: 'Accepted', status: 'False', reason: 'UnsupportedProtocol', message },
        { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'No errors found' },
        { type: 'Programmed', status: 'False', reason: 'Invalid', message },
        { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'No errors found' },
      ],
    })),
  };
}
