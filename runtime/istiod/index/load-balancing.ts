import { create } from '@bufbuild/protobuf';
import type { Namespace, Service } from '../../api/resources';
import {
  LoadBalancing_HealthPolicy,
  LoadBalancing_Mode,
  LoadBalancing_Scope,
  LoadBalancingSchema,
  type LoadBalancing,
} from '../../proto/gen/istio/workload/workload_pb';

const { NETWORK, REGION, ZONE, SUBZONE, NODE } = LoadBalancing_Scope;
const TRAFFIC_DISTRIBUTION = 'networking.istio.io/traffic-distribution';

const PREFERENCES: Readonly<Record<string, readonly LoadBalancing_Scope[]>> = {
  PreferClose: [NETWORK, REGION, ZONE],
  PreferSameZone: [NETWORK, REGION, ZONE],
  PreferSameNode: [NETWORK, REGION, ZONE, SUBZONE, NODE],
};

/**
 * Where a Service prefers its endpoints; undefined when any will do.
 *
 * @see protocol reference 1.10, `LoadBalancing`
 */
export function loadBalancing(service: Service, namespace: Namespace | undefined): LoadBalancing | undefined {
  const healthPolicy = service.spec.publishNotReadyAddresses
    ? LoadBalancing_HealthPolicy.ALLOW_ALL
    : LoadBalancing_HealthPolicy.ONLY_HEALTHY;
  if (service.spec.internalTrafficPolicy === 'Local') {
    return create(LoadBalancingSchema, {
      mode: LoadBalancing_Mode.STRICT,
      routingPreference: [NODE],
      healthPolicy,
    });
  }
  const distribution =
    service.spec.trafficDistribution ??
    service.metadata.annotations?.[TRAFFIC_DISTRIBUTION] ??
    namespace?.metadata.annotations?.[TRAFFIC_DISTRIBUTION] ??
    '';
  const routingPreference = PREFERENCES[distribution];
  if (routingPreference !== undefined) {
    return create(LoadBalancingSchema, {
      mode: LoadBalancing_Mode.FAILOVER,
      routingPreference: [...routingPreference],
      healthPolicy,
    });
  }
  return healthPolicy === LoadBalancing_HealthPolicy.ALLOW_ALL
    ? create(LoadBalancingSchema, { healthPolicy })
    : undefined;
}
