import { Counter, Gauge, Registry } from 'prom-client';

/** istiod's metrics, by upstream's names. */
export const registry = new Registry();

export const xdsPushes = new Counter({
  name: 'pilot_xds_pushes',
  help: 'Responses that were sent to proxies, by type.',
  labelNames: ['type'],
  registers: [registry],
});
export const xdsRejects = new Counter({
  name: 'pilot_total_xds_rejects',
  help: 'Responses that proxies rejected, by type.',
  labelNames: ['type'],
  registers: [registry],
});
export const connectedProxies = new Gauge({
  name: 'pilot_xds',
  help: 'Proxies that are connected, by type.',
  labelNames: ['type'],
  registers: [registry],
});
export const certificateRequests = new Counter({
  name: 'citadel_server_csr_count',
  help: 'Certificate requests that were received.',
  registers: [registry],
});
export const certificatesIssued = new Counter({
  name: 'citadel_server_success_cert_issuance_count',
  help: 'Certificates that were issued.',
  registers: [registry],
});
