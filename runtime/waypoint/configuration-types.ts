import { fromBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { reasonOf } from '../errors';
import type { AuthorizationPolicy, HttpRoute, KubeObject } from '../api/resources';
import type { Rejection, XdsType } from '../xds/delta-client';
import type { Rules } from './rules';

/** Objects that come as they were written, as `google.protobuf.Struct` (docs/architecture.md, "xDS"). */
function objects<T extends KubeObject>(typeUrl: string, set: (key: string, object: T | undefined) => void): XdsType {
  return {
    typeUrl,
    onResources: (resources, removed) => {
      for (const key of removed) set(key, undefined);
      const rejections: Rejection[] = [];
      for (const { name, value } of resources) {
        try {
          const object = toJson(StructSchema, fromBinary(StructSchema, value)) as unknown as T;
          if (typeof object.metadata?.name !== 'string') throw new Error('metadata.name is missing');
          set(name, object);
        } catch (error) {
          rejections.push({ name, reason: reasonOf(error) });
        }
      }
      return rejections;
    },
  };
}

/** The configuration types of a waypoint, policies first: a route must not lead where no policy is known yet. */
export function configurationTypes(rules: Rules): readonly XdsType[] {
  return [
    objects<AuthorizationPolicy>('security.istio.io/v1/AuthorizationPolicy', (key, policy) =>
      rules.setPolicy(key, policy),
    ),
    objects<HttpRoute>('gateway.networking.k8s.io/v1/HTTPRoute', (key, route) => rules.setHttpRoute(key, route)),
  ];
}
