import { Counter, Gauge, Registry } from 'prom-client';

export interface AgentMetrics {
  readonly registry: Registry;
  outcome(outcome: 'enrolled' | 'unenrolled' | 'failed'): void;
}

/** The agent's metrics; the gauges are read when they are asked for. */
export function agentMetrics(read: { captured(): number; ztunnels(): number; older(): number }): AgentMetrics {
  const registry = new Registry();
  const registers = [registry];
  const changes = new Counter({
    name: 'ambient_agent_enrollment_changes_total',
    help: 'Pods enrolled and unenrolled, and attempts that failed.',
    labelNames: ['outcome'],
    registers,
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge('ambient_agent_captured_pods', 'Pods of this node whose traffic is captured.', read.captured);
  gauge('ambient_agent_connected_ztunnels', 'ztunnels that know the pods of this node.', read.ztunnels);
  gauge('ambient_agent_older_connections', 'Open connections that are older than capture.', read.older);
  return { registry, outcome: (outcome) => changes.inc({ outcome }) };
}
