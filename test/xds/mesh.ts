import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { parseAddress } from '../../runtime/policy/address';
import { AuthorizationSchema } from '../../runtime/proto/gen/istio/security/authorization_pb';
import {
  AddressSchema,
  type ServiceSchema,
  type WorkloadSchema,
} from '../../runtime/proto/gen/istio/workload/workload_pb';
import type { XdsResource } from '../../runtime/xds/delta-client';
import { addressType, authorizationType } from '../../runtime/xds/mesh-state';

export function bytesOf(address: string): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new Error(`not an address: ${address}`);
  return bytes;
}

type WorkloadInit = MessageInitShape<typeof WorkloadSchema>;
type ServiceInit = MessageInitShape<typeof ServiceSchema>;

/** A workload resource; its uid is `Kubernetes//Pod/<ns>/<name>`. */
export function workload(
  namespace: string,
  name: string,
  address: string,
  more: Exclude<WorkloadInit, { $typeName: string }> = {},
): XdsResource {
  const uid = `Kubernetes//Pod/${namespace}/${name}`;
  const message = create(AddressSchema, {
    type: {
      case: 'workload',
      value: {
        uid,
        name,
        namespace,
        addresses: address === '' ? [] : [bytesOf(address)],
        node: 'node-0',
        serviceAccount: name,
        tunnelProtocol: 1,
        ...more,
      },
    },
  });
  return { name: uid, version: '1', typeUrl: addressType, value: toBinary(AddressSchema, message) };
}

/** A service resource `<ns>/<name>.<ns>.svc.cluster.local` with port 80 → 8080. */
export function service(
  namespace: string,
  name: string,
  vip: string,
  more: Exclude<ServiceInit, { $typeName: string }> = {},
): XdsResource {
  const hostname = `${name}.${namespace}.svc.cluster.local`;
  const message = create(AddressSchema, {
    type: {
      case: 'service',
      value: {
        name,
        namespace,
        hostname,
        addresses: vip === '' ? [] : [{ address: bytesOf(vip) }],
        ports: [{ servicePort: 80, targetPort: 8080 }],
        canonical: true,
        ...more,
      },
    },
  });
  return {
    name: `${namespace}/${hostname}`,
    version: '1',
    typeUrl: addressType,
    value: toBinary(AddressSchema, message),
  };
}

/** Membership of a workload in a service of its own namespace. */
export function member(namespace: string, name: string, servicePort = 80, targetPort = 8080): WorkloadInit['services'] {
  return { [`${namespace}/${name}.${namespace}.svc.cluster.local`]: { ports: [{ servicePort, targetPort }] } };
}

export function policy(
  namespace: string,
  name: string,
  more: Exclude<MessageInitShape<typeof AuthorizationSchema>, { $typeName: string }> = {},
): XdsResource {
  const message = create(AuthorizationSchema, { name, namespace, ...more });
  return {
    name: `${namespace}/${name}`,
    version: '',
    typeUrl: authorizationType,
    value: toBinary(AuthorizationSchema, message),
  };
}
