import { KIND } from '../../../runtime/api/kinds';
import { MeshIndex } from '../../../runtime/istiod/index/mesh-index';
import {
  WATCHED_KINDS,
  type MeshObjects,
  type WatchedKind,
  type WatchedKinds,
} from '../../../runtime/istiod/mesh-objects';
import type { KubeClient } from '../../../runtime/kube/client';
import { AuthorizationSchema } from '../../../runtime/proto/gen/istio/security/authorization_pb';
import { AddressSchema } from '../../../runtime/proto/gen/istio/workload/workload_pb';
import { meshObjects, SETTINGS } from '../objects';
import { asJson, type Resources } from './mirror';

/** ConfigMaps and Deployments, of which istiod watches a few, show in nothing that it sends. */
const READ = WATCHED_KINDS.filter((kind) => kind !== 'ConfigMap' && kind !== 'Deployment');

/** What our istiod makes of the objects that a cluster holds now. */
export interface OurIstiod {
  readonly objects: MeshObjects;
  readonly addresses: Resources;
  readonly authorizations: Resources;
}

export async function ourIstiod(client: KubeClient): Promise<OurIstiod> {
  const lists = await Promise.all(READ.map(async (kind) => [kind, await client.list(KIND[kind])] as const));
  const objects = meshObjects(Object.fromEntries(lists) as { [K in WatchedKind]?: WatchedKinds[K][] });
  const index = new MeshIndex(objects, SETTINGS);
  for (const kind of READ)
    for (const object of objects[kind].values()) index.touch(kind, { type: 'added', object } as never);
  index.update();
  const bytes = (entries: MeshIndex['addresses']): Map<string, Uint8Array> =>
    new Map([...entries].map(([name, { value }]) => [name, value]));
  return {
    objects,
    addresses: asJson(AddressSchema, bytes(index.addresses)),
    authorizations: asJson(AuthorizationSchema, bytes(index.authorizations)),
  };
}
