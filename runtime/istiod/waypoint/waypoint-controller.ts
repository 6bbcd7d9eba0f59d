import { createHash } from 'node:crypto';
import { KIND } from '../../api/kinds';
import { GATEWAY_MANAGED, GATEWAY_NAME, WAYPOINT_CLASS, WAYPOINT_CONTROLLER } from '../../api/labels';
import type { Gateway, KubeObject } from '../../api/resources';
import type { KubeClient } from '../../kube/client';
import { log } from '../../telemetry/log';
import { serviceHostname } from '../index/addresses';
import { isWaypointGateway, MANAGED_WAYPOINT } from '../index/waypoint-attachment';
import type { GatewayClass, MeshObjects, MeshSettings } from '../mesh-objects';
import { ReconcileQueue } from '../reconcile-queue';
import { timestamp } from '../status/conditions';
import { gatewayOutcome, hasWaypointListener } from '../status/gateway-status';
import { gatewayClassPatch, gatewayPatch } from '../status/status-patch';
import { waypointManifests, waypointName } from './manifests';

const logger = log('gateway');
const CONTROLLER_VERSION = 'gateway.istio.io/controller-version';

/** Deploys a waypoint for each Gateway of a waypoint class, and says in the Gateway's status how far it is. */
export class WaypointController {
  /** Gateways by `namespace/name`. */
  readonly #gateways: ReconcileQueue;
  readonly #classes: ReconcileQueue;
  /** Digest of what was applied last, by Gateway uid: unchanged manifests are not applied again. */
  readonly #applied = new Map<string, string>();

  constructor(
    private readonly client: KubeClient,
    private readonly objects: MeshObjects,
    private readonly settings: MeshSettings,
  ) {
    this.#gateways = new ReconcileQueue('waypoint deployment', (key) => this.#reconcile(key), logger);
    this.#classes = new ReconcileQueue('waypoint class', (name) => this.#reconcileClass(name), logger);
  }

  gatewayChanged({ metadata }: Gateway): void {
    this.#gateways.add(`${metadata.namespace ?? ''}/${metadata.name}`);
  }

  classChanged({ metadata }: KubeObject): void {
    this.#classes.add(metadata.name);
    for (const gateway of this.objects.Gateway.values()) {
      if (gateway.spec.gatewayClassName === metadata.name) this.gatewayChanged(gateway);
    }
  }

  /** Looks at the Gateway again that a pod, Service or Deployment belongs to; others are not ours. */
  childChanged({ metadata }: KubeObject): void {
    const gateway = metadata.labels?.[GATEWAY_NAME];
    if (gateway !== undefined && metadata.labels?.[GATEWAY_MANAGED] === MANAGED_WAYPOINT) {
      this.#gateways.add(`${metadata.namespace ?? ''}/${gateway}`);
    }
  }

  /** Makes the class `istio-waypoint` when it is not there. */
  ensureClass(): void {
    this.#classes.add(WAYPOINT_CLASS);
  }

  async #reconcileClass(name: string): Promise<void> {
    const existing = this.objects.GatewayClass.get(name);
    if (existing === undefined && name === WAYPOINT_CLASS) {
      const made: GatewayClass = {
        metadata: { name },
        spec: { controllerName: WAYPOINT_CONTROLLER, description: 'Waypoints of the ambient mesh' },
      };
      await this.client.apply(KIND.GatewayClass, made, WAYPOINT_CONTROLLER);
      return;
    }
    if (existing?.spec?.controllerName !== WAYPOINT_CONTROLLER) return;
    const patch = gatewayClassPatch(existing, timestamp());
    if (patch) await this.client.patch(KIND.GatewayClass, name, undefined, patch, 'status');
  }

  async #reconcile(key: string): Promise<void> {
    const gateway = this.objects.Gateway.get(key);
    if (gateway === undefined || gateway.metadata.deletionTimestamp !== undefined) return;
    if (!isWaypointGateway(gateway, this.objects.GatewayClass.get(gateway.spec.gatewayClassName))) return;
    if (hasWaypointListener(gateway)) await this.#deploy(gateway);
    await this.#writeStatus(gateway);
  }

  /** What it made goes by its owner reference when the Gateway goes. */
  async #deploy(gateway: Gateway): Promise<void> {
    const { serviceAccount, deployment, service } = waypointManifests(gateway, this.settings);
    const text = JSON.stringify([serviceAccount, deployment, service]);
    const digest = createHash('sha256').update(text).digest('hex');
    const key = `${gateway.metadata.namespace ?? ''}/${waypointName(gateway)}`;
    const present = this.objects.Deployment.has(key) && this.objects.Service.has(key);
    const uid = gateway.metadata.uid ?? '';
    if (present && this.#applied.get(uid) === digest) return;
    await this.client.apply(KIND.ServiceAccount, serviceAccount, WAYPOINT_CONTROLLER);
    await Promise.all([
      this.client.apply(KIND.Service, service, WAYPOINT_CONTROLLER),
      this.client.apply(KIND.Deployment, deployment, WAYPOINT_CONTROLLER),
    ]);
    this.#applied.set(uid, digest);
    logger.info('waypoint deployed', { gateway: key });
    if (gateway.metadata.annotations?.[CONTROLLER_VERSION] === undefined) {
      const patch = { metadata: { annotations: { [CONTROLLER_VERSION]: '5' } } };
      await this.client.patch(KIND.Gateway, gateway.metadata.name, gateway.metadata.namespace, patch);
    }
  }

  async #writeStatus(gateway: Gateway): Promise<void> {
    const { name, namespace = '' } = gateway.metadata;
    const own = waypointName(gateway);
    const service = this.objects.Service.get(`${namespace}/${own}`);
    const pods = [...this.objects.Pod.values()].filter(
      ({ metadata }) =>
        metadata.namespace === namespace &&
        metadata.labels?.[GATEWAY_NAME] === name &&
        metadata.labels[GATEWAY_MANAGED] === MANAGED_WAYPOINT,
    );
    const outcome = gatewayOutcome(gateway, service, pods, serviceHostname(own, namespace, this.settings));
    const patch = gatewayPatch(gateway, outcome, timestamp());
    if (patch) await this.client.patch(KIND.Gateway, name, namespace, patch, 'status');
  }

  [Symbol.dispose](): void {
    this.#gateways[Symbol.dispose]();
    this.#classes[Symbol.dispose]();
  }
}
