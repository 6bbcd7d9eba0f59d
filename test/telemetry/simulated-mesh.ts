import { KIND } from '../../runtime/api/kinds';
import type { AuthorizationPolicy, DaemonSet, Gateway, Pod, Service } from '../../runtime/api/resources';
import type { AttachedCluster } from './attached-cluster';

const NAMESPACES = 10;
const NODES = 3;
export const SERVICES = 200;

/** Traffic that goes on at a steady rate. */
export interface SimulatedFlow {
  readonly source: SimulatedPod;
  readonly destination: SimulatedPod;
  /** Connections or requests a second. */
  readonly rate: number;
  readonly kind: 'tcp' | 'denied' | 'http' | 'http-denied';
}

export interface SimulatedPod {
  readonly namespace: string;
  /** A bare pod, so this is the workload's name too. */
  readonly name: string;
  readonly node: string;
  readonly address: string;
}

const identity = ({ namespace, name }: SimulatedPod): string => `spiffe://cluster.local/ns/${namespace}/sa/${name}`;

/** A mesh of 200 services on three nodes: what its API has, and what its proxies' metrics say at any moment. */
export class SimulatedMesh {
  readonly pods: SimulatedPod[];
  readonly flows: SimulatedFlow[];
  readonly ztunnels = new Map<string, { name: string; address: string; since: number }>();
  readonly waypoints = new Map<string, { pod: SimulatedPod; since: number }>();
  #addresses = 0;

  constructor(private readonly now: () => number) {
    this.pods = Array.from({ length: SERVICES }, (_, index) => ({
      namespace: `shop-${index % NAMESPACES}`,
      name: `app-${index}`,
      node: `node-${index % NODES}`,
      address: this.#address(),
    }));
    const pod = (index: number): SimulatedPod => this.pods[index % SERVICES]!;
    this.flows = this.pods.flatMap((source, index): SimulatedFlow[] => [
      { source, destination: pod(index + 1), rate: 1 + (index % 7), kind: 'tcp' },
      ...(index % 20 === 0 ? [{ source, destination: pod(index + 10), rate: 5, kind: 'http' } as const] : []),
      ...(index % 40 === 0 ? [{ source, destination: pod(index + 3), rate: 2, kind: 'denied' } as const] : []),
      ...(index % 50 === 0 ? [{ source, destination: pod(index + 10), rate: 3, kind: 'http-denied' } as const] : []),
    ]);
  }

  async create(cluster: AttachedCluster): Promise<void> {
    const { admin } = cluster;
    const namespaces = ['istio-system', ...new Set(this.pods.map(({ namespace }) => namespace))];
    for (const name of namespaces) {
      const labels = name === 'istio-system' ? undefined : { 'istio.io/dataplane-mode': 'ambient' };
      await admin.create(KIND.Namespace, { metadata: { name, labels } });
    }
    await this.#install(cluster);
    for (let index = 0; index < NODES; index++) await this.startZtunnel(cluster, `node-${index}`, `ztunnel-${index}`);
    for (const namespace of namespaces.slice(1)) await this.#startWaypoint(cluster, namespace);
    for (const pod of this.pods) {
      const { namespace, name } = pod;
      await admin.create<Service>(KIND.Service, {
        metadata: { name, namespace },
        spec: { selector: { app: name }, ports: [{ port: 80 }] },
      });
      await this.#run(cluster, pod, { app: name }, { 'ambient.istio.io/redirection': 'enabled' });
    }
    for (const { destination } of this.flows.filter(({ kind }) => kind === 'denied')) {
      await admin.create<AuthorizationPolicy>(KIND.AuthorizationPolicy, {
        metadata: { name: `only-friends-of-${destination.name}`, namespace: destination.namespace },
        spec: {
          selector: { matchLabels: { app: destination.name } },
          action: 'DENY',
          rules: [
            { from: [{ source: { principals: ['cluster.local/ns/nobody/sa/nobody'] } }] },
            ...this.flows
              .filter((flow) => flow.kind === 'denied' && flow.destination === destination)
              .map(({ source }) => ({
                from: [{ source: { principals: [identity(source).slice('spiffe://'.length)] } }],
              })),
          ],
        },
      });
    }
  }

  /** istiod's pod and the DaemonSets of upstream's charts, as far as they are looked at. */
  async #install({ admin, run }: AttachedCluster): Promise<void> {
    const namespace = 'istio-system';
    const image = 'docker.io/istio/pilot:1.28.1-distroless';
    await run({
      metadata: { name: 'istiod-0', namespace, labels: { app: 'istiod' } },
      spec: { nodeName: 'node-0', containers: [{ name: 'discovery', image }] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    });
    for (const name of ['ztunnel', 'istio-cni-node']) {
      const labels = { app: name };
      const containers = [{ name: 'istio-proxy', image: 'docker.io/istio/any:1.28.1-distroless' }];
      await admin.create<DaemonSet>(KIND.DaemonSet, {
        metadata: { name, namespace, labels },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      });
      const counts = {
        currentNumberScheduled: NODES,
        numberMisscheduled: 0,
        desiredNumberScheduled: NODES,
        numberReady: NODES,
      };
      await admin.patch(KIND.DaemonSet, name, namespace, { status: counts }, 'status');
    }
  }

  /** A ztunnel of a node, with counters of its own that begin now. */
  async startZtunnel(cluster: AttachedCluster, node: string, name: string): Promise<void> {
    const address = this.#address();
    this.ztunnels.set(node, { name, address, since: this.now() });
    await this.#run(cluster, { namespace: 'istio-system', name, node, address }, { app: 'ztunnel' });
  }

  async #startWaypoint(cluster: AttachedCluster, namespace: string): Promise<void> {
    await cluster.admin.create<Gateway>(KIND.Gateway, {
      metadata: { name: 'waypoint', namespace },
      spec: { gatewayClassName: 'istio-waypoint', listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }] },
    });
    const address = this.#address();
    const pod = { namespace, name: 'waypoint', node: 'node-0', address };
    this.waypoints.set(namespace, { pod, since: this.now() });
    await this.#run(cluster, pod, {
      'istio.io/dataplane-mode': 'none',
      'gateway.istio.io/managed': 'istio.io-mesh-controller',
      'gateway.networking.k8s.io/gateway-name': 'waypoint',
    });
  }

  /** What the proxy at an address has counted until now, in upstream's format. */
  page(address: string): string | undefined {
    const ztunnel = [...this.ztunnels].find(([, entry]) => entry.address === address);
    if (ztunnel !== undefined) return this.#ztunnelPage(...ztunnel);
    const waypoint = [...this.waypoints.values()].find(({ pod }) => pod.address === address);
    return waypoint && this.#waypointPage(waypoint.pod, waypoint.since);
  }

  #ztunnelPage(node: string, { since }: { since: number }): string {
    const opened: string[] = [];
    const failed: string[] = [];
    for (const { source, destination, rate, kind } of this.flows) {
      const count = this.#count(rate, since);
      for (const reporter of ['source', 'destination'] as const) {
        if ((reporter === 'source' ? source : destination).node !== node) continue;
        if (kind === 'tcp' || kind === 'denied') {
          opened.push(`${traffic(reporter, source, destination, '-')} ${count}`);
          if (kind === 'denied' && reporter === 'destination')
            failed.push(`${traffic(reporter, source, destination, 'DENY')} ${count}`);
        } else if (reporter === 'source') {
          const { pod } = this.waypoints.get(destination.namespace)!;
          opened.push(`${traffic(reporter, source, pod, '-')} ${count}`);
        }
      }
    }
    const series = (name: string, lines: string[]): string =>
      `# HELP ${name} help.\n# TYPE ${name} counter\n${lines.map((line) => `${name}_total${line}\n`).join('')}`;
    return `${series('istio_tcp_connections_opened', opened)}${series('istio_tcp_connections_failed', failed)}# EOF\n`;
  }

  #waypointPage({ namespace }: SimulatedPod, since: number): string {
    const lines = this.flows
      .filter(({ kind, destination }) => kind.startsWith('http') && destination.namespace === namespace)
      .flatMap(({ source, destination, rate, kind }) => {
        const count = this.#count(rate, since);
        const labels = request(source, destination, kind === 'http-denied');
        const bucket = (bound: string, share: number): string =>
          `istio_request_duration_milliseconds_bucket{${labels},le="${bound}"} ${Math.floor(count * share)}`;
        return [
          `istio_requests_total{${labels}} ${count}`,
          bucket('1', 0),
          bucket('5', 0.5),
          bucket('10', 1),
          bucket('+Inf', 1),
        ];
      });
    return `# TYPE istio_requests_total counter\n${lines.join('\n')}\n`;
  }

  #count(rate: number, since: number): number {
    return Math.floor((rate * (this.now() - since)) / 1000);
  }

  #address(): string {
    this.#addresses += 1;
    return `10.244.${this.#addresses >> 8}.${this.#addresses & 255}`;
  }

  #run(
    cluster: AttachedCluster,
    { namespace, name, node, address }: SimulatedPod,
    labels: Record<string, string>,
    annotations?: Record<string, string>,
  ): Promise<Pod> {
    return cluster.run({
      metadata: { name, namespace, labels, annotations },
      spec: { nodeName: node, containers: [{ name: 'istio-proxy', image: 'example.com/any' }] },
      status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
    });
  }
}

function party(side: string, { namespace, name }: SimulatedPod, principal: string): string {
  return (
    `${side}_workload="${name}",${side}_canonical_service="${name}",${side}_canonical_revision="latest",` +
    `${side}_workload_namespace="${namespace}",${side}_principal="${principal}",${side}_app="${name}",` +
    `${side}_version="latest",${side}_cluster="Kubernetes"`
  );
}

function service({ namespace, name }: SimulatedPod): string {
  return (
    `destination_service="${name}.${namespace}.svc.cluster.local",destination_service_namespace="${namespace}",` +
    `destination_service_name="${name}"`
  );
}

function traffic(reporter: string, source: SimulatedPod, destination: SimulatedPod, flags: string): string {
  return (
    `{reporter="${reporter}",${party('source', source, identity(source))},${service(destination)},` +
    `${party('destination', destination, identity(destination))},request_protocol="tcp",response_flags="${flags}",` +
    'connection_security_policy="mutual_tls"}'
  );
}

function request(source: SimulatedPod, destination: SimulatedPod, denied: boolean): string {
  const unknown = { ...destination, namespace: 'unknown', name: 'unknown' };
  const reached = denied
    ? party('destination', unknown, 'unknown')
    : party('destination', destination, identity(destination));
  return (
    `reporter="waypoint",${party('source', source, identity(source))},${service(destination)},${reached},` +
    `request_protocol="http",response_code="${denied ? 403 : 200}",grpc_response_status="",response_flags="-",` +
    'connection_security_policy="mutual_tls"'
  );
}
