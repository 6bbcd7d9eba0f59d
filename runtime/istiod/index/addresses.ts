import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { PORT } from '../../api/ports';
import { parseAddress } from '../../policy/address';
import {
  GatewayAddressSchema,
  type GatewayAddress,
  type NetworkAddressSchema,
} from '../../proto/gen/istio/workload/workload_pb';
import type { MeshSettings } from '../mesh-objects';
import type { Waypoint } from './waypoint-attachment';

/** The host name of a Service, e.g. `reviews.default.svc.cluster.local`. */
export function serviceHostname(name: string, namespace: string, { clusterDomain }: MeshSettings): string {
  return `${name}.${namespace}.svc.${clusterDomain}`;
}

/** Network-order bytes of each readable address; others are left out, since ztunnel rejects them (reference 1.9). */
export function addressBytes(addresses: readonly string[]): Uint8Array[] {
  return addresses.flatMap((text) => parseAddress(text) ?? []);
}

/** The message of each readable address on a network. */
export function networkAddresses(
  network: string,
  addresses: readonly string[],
): MessageInitShape<typeof NetworkAddressSchema>[] {
  return addressBytes(addresses).map((address) => ({ network, address }));
}

/** How a waypoint is reached: by the host name of its Service when it has one (reference 6.2). */
export function gatewayAddress(waypoint: Waypoint, network: string): GatewayAddress | undefined {
  if ('hostname' in waypoint.address) {
    const value = { namespace: waypoint.namespace, hostname: waypoint.address.hostname };
    return create(GatewayAddressSchema, { destination: { case: 'hostname', value }, hboneMtlsPort: PORT.hbone });
  }
  const address = parseAddress(waypoint.address.ip);
  if (address === undefined) return undefined;
  return create(GatewayAddressSchema, {
    destination: { case: 'address', value: { network, address } },
    hboneMtlsPort: PORT.hbone,
  });
}
