import { create, fromBinary, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { KubeObject } from '../../api/resources';
import { AddressSchema, WorkloadSchema } from '../../proto/gen/istio/workload/workload_pb';
import type { MeshIndex } from '../index/mesh-index';
import { policiesFor, routesFor, withoutBookkeeping } from '../index/waypoint-config';
import type { NamedGateway } from '../index/waypoint-attachment';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import { text, type ProxyNode } from './node';
import { resourceEntry, type ResourceEntry } from './resource-entry';
import { TYPE } from './type-urls';

type Resources = ReadonlyMap<string, ResourceEntry>;

const NONE: Resources = new Map();

/** The resources of each type, as a proxy of a given kind is to have them. */
export class MeshResources {
  /** Encodings of objects for waypoints; an object that changes is a new one. */
  readonly #encoded = new WeakMap<KubeObject, ResourceEntry>();

  constructor(
    private readonly index: MeshIndex,
    private readonly objects: MeshObjects,
    private readonly settings: MeshSettings,
  ) {}

  /** All resources of a type for a proxy, by name; none for a type that is unknown or not for it. */
  of(type: string, node: ProxyNode): Resources {
    switch (type) {
      case TYPE.address:
        return this.index.addresses;
      case TYPE.authorization:
        return this.index.authorizations;
      case TYPE.workload:
        return this.#workloads();
      case TYPE.httpRoute:
        return this.#objects(node, (gateway) => routesFor(gateway, this.objects));
      case TYPE.authorizationPolicy:
        return this.#objects(node, (gateway) => policiesFor(gateway, this.objects, this.settings));
      default:
        return NONE;
    }
  }

  /** The older type of the same workloads; nobody of ours asks for it, so nothing is kept for it. */
  #workloads(): Resources {
    const found = new Map<string, ResourceEntry>();
    for (const [name, entry] of this.index.addresses) {
      const { type } = fromBinary(AddressSchema, entry.value);
      if (type.case !== 'workload') continue;
      found.set(name, resourceEntry(WorkloadSchema, create(WorkloadSchema, type.value), entry));
    }
    return found;
  }

  #objects(node: ProxyNode, select: (gateway: NamedGateway) => readonly KubeObject[]): Resources {
    if (node.type !== 'waypoint') return NONE;
    const gateway = { namespace: text(node.metadata['NAMESPACE']), name: text(node.metadata['GATEWAY_NAME']) };
    return new Map(
      select(gateway).map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, this.#encode(object)]),
    );
  }

  #encode(object: KubeObject): ResourceEntry {
    const known = this.#encoded.get(object);
    if (known !== undefined) return known;
    const body = fromJson(StructSchema, withoutBookkeeping(object) as unknown as JsonValue);
    const entry = resourceEntry(StructSchema, body);
    this.#encoded.set(object, entry);
    return entry;
  }
}
