import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Decision } from '../policy/model';

/** Metrics of the proxy itself, under upstream's names, and one of our own for decisions. */
export interface ProxyMetrics {
  readonly activePods: Gauge;
  readonly pendingPods: Gauge;
  readonly podsStarted: Counter;
  readonly podsStopped: Counter;
  readonly dnsRequests: Counter;
  dnsForwarded(seconds: number, failed: boolean): void;
  decided(decision: Decision, destination: { readonly namespace: string; readonly workloadName: string }): void;
}

/** Makes and registers them (protocol reference 9.1). */
export function proxyMetrics(registry: Registry, build: { component: string; tag: string }): ProxyMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  new Gauge({
    name: 'istio_build',
    help: 'Istio component build info',
    labelNames: ['component', 'tag'],
    registers,
  }).set({ ...build }, 1);
  const upstreamRequests = counter(
    'istio_dns_upstream_requests_total',
    'DNS requests forwarded to the upstream resolver',
  );
  const upstreamFailures = counter(
    'istio_dns_upstream_failures_total',
    'DNS requests that no upstream resolver answered',
  );
  const upstreamSeconds = new Histogram({
    name: 'istio_dns_upstream_request_duration_seconds',
    help: 'Time that upstream resolvers took',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const decisions = new Counter({
    name: 'ambient_authorization_decisions_total',
    help: 'Connections judged by authorization policies, with the policy that decided',
    labelNames: ['action', 'policy', 'rule', 'destination_workload_namespace', 'destination_workload'],
    registers,
  });
  return {
    activePods: gauge('workload_manager_active_proxy_count', 'Pods with a running proxy'),
    pendingPods: gauge('workload_manager_pending_proxy_count', 'Pods whose proxy could not start yet'),
    podsStarted: counter('workload_manager_proxies_started_total', 'Proxies started'),
    podsStopped: counter('workload_manager_proxies_stopped_total', 'Proxies stopped'),
    dnsRequests: counter('istio_dns_requests_total', 'DNS requests received'),
    dnsForwarded(seconds, failed) {
      upstreamRequests.inc();
      upstreamSeconds.observe(seconds);
      if (failed) upstreamFailures.inc();
    },
    decided({ verdict, policy, rule }, { namespace, workloadName }) {
      decisions.inc({
        action: verdict,
        policy: policy ?? 'none',
        rule: rule === undefined ? 'none' : String(rule),
        destination_workload_namespace: namespace,
        destination_workload: workloadName,
      });
    },
  };
}
