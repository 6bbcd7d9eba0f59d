import {
  CANONICAL_NAME,
  CANONICAL_REVISION,
  DATAPLANE_MODE,
  GATEWAY_CLASS_NAME,
  GATEWAY_MANAGED,
  GATEWAY_NAME,
} from '../../api/labels';
import { PORT } from '../../api/ports';
import type { Deployment, Gateway, ObjectMeta, Service, ServiceAccount } from '../../api/resources';
import { ROOT_CONFIG_MAP } from '../ca/root-distribution';
import { MANAGED_WAYPOINT } from '../index/waypoint-attachment';
import type { MeshSettings } from '../mesh-objects';

export interface WaypointManifests {
  readonly serviceAccount: ServiceAccount;
  readonly deployment: Deployment;
  readonly service: Service & { spec: { ipFamilyPolicy: string } };
}

/** The name of a waypoint's Deployment and Service; an annotation may override the Gateway's. */
export function waypointName({ metadata }: Gateway): string {
  return metadata.annotations?.['gateway.istio.io/name-override'] || metadata.name;
}

function serviceAccountName(gateway: Gateway): string {
  return gateway.metadata.annotations?.['gateway.istio.io/service-account'] || waypointName(gateway);
}

/**
 * What runs a waypoint: service account, Deployment and Service, owned by the Gateway.
 *
 * @see protocol reference 6.3
 */
export function waypointManifests(gateway: Gateway, settings: MeshSettings): WaypointManifests {
  const name = waypointName(gateway);
  const metadata = (own: string): ObjectMeta => ({
    name: own,
    namespace: gateway.metadata.namespace,
    labels: {
      [GATEWAY_NAME]: gateway.metadata.name,
      [GATEWAY_CLASS_NAME]: gateway.spec.gatewayClassName,
      [GATEWAY_MANAGED]: MANAGED_WAYPOINT,
    },
    ownerReferences: [
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        name: gateway.metadata.name,
        uid: gateway.metadata.uid ?? '',
      },
    ],
  });
  const service = metadata(name);
  return {
    serviceAccount: { metadata: metadata(serviceAccountName(gateway)) },
    deployment: deployment(gateway, metadata(name), settings),
    service: {
      metadata: { ...service, annotations: { 'networking.istio.io/traffic-distribution': 'PreferClose' } },
      spec: {
        type: 'ClusterIP',
        ipFamilyPolicy: 'PreferDualStack',
        selector: { [GATEWAY_NAME]: gateway.metadata.name },
        ports: [
          { name: 'status-port', port: PORT.readiness, protocol: 'TCP', appProtocol: 'tcp' },
          ...gateway.spec.listeners.map(({ name: listener, port, protocol }) => ({
            name: listener,
            port,
            protocol: 'TCP',
            appProtocol: protocol.toLowerCase(),
          })),
        ],
      },
    },
  };
}

function deployment(gateway: Gateway, metadata: ObjectMeta, { clusterId }: MeshSettings): Deployment {
  const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  return {
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: { [GATEWAY_NAME]: gateway.metadata.name } },
      template: {
        metadata: {
          labels: {
            ...metadata.labels,
            [DATAPLANE_MODE]: 'none',
            'sidecar.istio.io/inject': 'false',
            [CANONICAL_NAME]: metadata.name,
            [CANONICAL_REVISION]: 'latest',
          },
          annotations: {
            'istio.io/rev': 'default',
            'prometheus.io/path': '/stats/prometheus',
            'prometheus.io/port': String(PORT.metrics),
            'prometheus.io/scrape': 'true',
          },
        },
        spec: {
          serviceAccountName: serviceAccountName(gateway),
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: 'istio-proxy',
              image: 'ambient/waypoint',
              imagePullPolicy: 'IfNotPresent',
              args: ['proxy', 'waypoint'],
              env: [
                { name: 'POD_NAME', ...field('metadata.name') },
                { name: 'POD_NAMESPACE', ...field('metadata.namespace') },
                { name: 'INSTANCE_IP', ...field('status.podIP') },
                { name: 'NODE_NAME', ...field('spec.nodeName') },
                { name: 'GATEWAY_NAME', value: gateway.metadata.name },
                { name: 'CLUSTER_ID', value: clusterId },
              ],
              securityContext: { capabilities: { drop: ['ALL'] } },
              ports: [
                { name: 'metrics', containerPort: PORT.metrics, protocol: 'TCP' },
                { name: 'status-port', containerPort: PORT.readiness, protocol: 'TCP' },
              ],
              readinessProbe: { httpGet: { path: '/healthz/ready', port: PORT.readiness }, periodSeconds: 1 },
              volumeMounts: [
                { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio' },
                { name: 'istio-token', mountPath: '/var/run/secrets/tokens' },
              ],
            },
          ],
          volumes: [
            { name: 'istiod-ca-cert', configMap: { name: ROOT_CONFIG_MAP, optional: true } },
            {
              name: 'istio-token',
              projected: {
                sources: [
                  { serviceAccountToken: { path: 'istio-token', audience: 'istio-ca', expirationSeconds: 43200 } },
                ],
              },
            },
          ],
        },
      },
    },
  };
}
