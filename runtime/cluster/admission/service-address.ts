import { KIND } from '../../api/kinds';
import type { Service } from '../../api/resources';
import { invalid, type Cause } from '../store/status-error';
import type { Store } from '../store/store';
import { immutable, wrongValue } from './causes';

const NODE_PORTS = { first: 30000, last: 32767 };
/** The API and the cluster's DNS have fixed addresses; automatic ones keep off. */
const RESERVED = new Set(['10.96.0.1', '10.96.0.10']);
/** Automatic addresses start above those that people choose by hand. */
const FIRST_AUTOMATIC = 256;
const LAST = 65534;

type Spec = Service['spec'] & { ports?: { nodePort?: number }[] };

const addressAt = (index: number): string => `10.96.${index >> 8}.${index & 0xff}`;
const inRange = (address: string): boolean =>
  /^10\.96\.(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])\.(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])$/.test(address) &&
  !['10.96.0.0', '10.96.255.255'].includes(address);

function taken<T>(store: Store, self: Service, values: (spec: Spec) => (T | undefined)[]): Set<T | undefined> {
  const { namespace, name } = self.metadata;
  const found = new Set<T | undefined>();
  for (const { metadata, spec } of store.latestOf<Service>(KIND.Service)) {
    if (metadata.namespace === namespace && metadata.name === name) continue;
    for (const value of values(spec)) found.add(value);
  }
  return found;
}

/** Somewhere random, then upwards: an address that was just given back is not given out at once. */
function free(first: number, last: number, isTaken: (index: number) => boolean): number | undefined {
  const size = last - first + 1;
  const start = Math.floor(Math.random() * size);
  for (let step = 0; step < size; step++) {
    const index = first + ((start + step) % size);
    if (!isTaken(index)) return index;
  }
  return undefined;
}

/**
 * Gives a service its cluster address and node ports from what no other service has, and keeps them over updates.
 * Throws 422 for an address that is taken, out of range, or changed.
 */
export function allocateServiceAddress(draft: Service, previous: Service | undefined, store: Store): void {
  const spec = draft.spec as Spec;
  const fail = (cause: Cause): never => {
    throw invalid(KIND.Service, draft.metadata.name, [cause]);
  };
  if (spec.type === 'ExternalName') {
    delete spec.clusterIP;
    delete spec.clusterIPs;
    return;
  }
  const old = previous?.spec.clusterIP;
  if (!spec.clusterIP && spec.clusterIPs?.[0]) [spec.clusterIP] = spec.clusterIPs;
  if (old && !spec.clusterIP) spec.clusterIP = old;
  if (old && spec.clusterIP !== old) fail(immutable('spec.clusterIPs[0]', [spec.clusterIP]));
  if (spec.clusterIP !== 'None' && (!spec.clusterIP || spec.clusterIP !== old)) {
    const used = taken(store, draft, ({ clusterIP }) => [clusterIP]);
    if (!spec.clusterIP) {
      const isTaken = (index: number): boolean => used.has(addressAt(index)) || RESERVED.has(addressAt(index));
      const index = free(FIRST_AUTOMATIC, LAST, isTaken) ?? free(1, FIRST_AUTOMATIC - 1, isTaken);
      if (index === undefined) throw new Error('no service address is free in 10.96.0.0/16');
      spec.clusterIP = addressAt(index);
    } else if (!inRange(spec.clusterIP)) {
      const why =
        'failed to allocate IP: the provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16';
      fail(wrongValue('spec.clusterIPs', [spec.clusterIP], why));
    } else if (used.has(spec.clusterIP)) {
      const why = `failed to allocate IP ${spec.clusterIP}: provided IP is already allocated`;
      fail(wrongValue('spec.clusterIPs', [spec.clusterIP], why));
    }
  }
  spec.clusterIPs = [spec.clusterIP!];
  allocateNodePorts(spec, draft, previous, store, fail);
}

function allocateNodePorts(
  spec: Spec,
  draft: Service,
  previous: Service | undefined,
  store: Store,
  fail: (cause: Cause) => never,
): void {
  if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') {
    for (const port of spec.ports ?? []) delete port.nodePort;
    return;
  }
  const used = taken(store, draft, ({ ports = [] }) => ports.map(({ nodePort }) => nodePort));
  const before = (previous?.spec.ports ?? []) as (NonNullable<Service['spec']['ports']>[number] & {
    nodePort?: number;
  })[];
  for (const [index, port] of ((spec.ports ?? []) as typeof before).entries()) {
    const { first, last } = NODE_PORTS;
    port.nodePort ??= before.find((old) => old.port === port.port && old.protocol === port.protocol)?.nodePort;
    port.nodePort ??= free(first, last, (number) => used.has(number));
    const field = `spec.ports[${index}].nodePort`;
    const number = port.nodePort ?? 0;
    if (number < first || number > last) {
      fail(
        wrongValue(
          field,
          number,
          `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
        ),
      );
    }
    if (used.has(number)) fail(wrongValue(field, number, 'provided port is already allocated'));
    used.add(number);
  }
}
