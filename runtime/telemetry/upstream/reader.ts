import { CounterIncrements } from './counter-increments';
import type { Proxy } from './mesh-pods';

/** A proxy and how far it is read. */
export interface Reader {
  readonly proxy: Proxy;
  counters: CounterIncrements;
  readonly stop: AbortController;
  readAt?: number;
  readings: number;
  /** When Prometheus had read it last. */
  scrapedAt?: number;
  /** Not before, in milliseconds since the epoch. */
  metricsFrom: number;
  logFrom: number;
  logOpen: boolean;
  logSeen?: string;
  /** Why its metrics or its log cannot be read, in words. */
  metricsProblem?: string;
  logProblem?: string;
  busy: boolean;
  /** Its metrics tell denials. */
  tellsDenials: boolean;
  /** When its counters were read first, in milliseconds since the epoch. */
  comparedFrom?: number;
  /** Denials of the log, by source and destination, that are among what counters have opened or will have. */
  denied: Map<string, number>;
}

export const createReader = (proxy: Proxy): Reader => ({
  proxy,
  counters: new CounterIncrements(),
  stop: new AbortController(),
  readings: 0,
  metricsFrom: 0,
  logFrom: 0,
  logOpen: false,
  busy: false,
  tellsDenials: false,
  denied: new Map(),
});

/** `namespace/pod` of a reader's proxy. */
export const nameOf = ({ proxy: { pod } }: Reader): string => `${pod.metadata.namespace}/${pod.metadata.name}`;
