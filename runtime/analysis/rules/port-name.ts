import { GATEWAY_MANAGED, GATEWAY_NAME } from '../../api/labels';
import type { Service, ServicePort } from '../../api/resources';
import { rule } from '../rule';

/** What istiod knows, by port name (`http-admin`) or appProtocol. */
const PROTOCOLS = ['tcp', 'udp', 'grpc', 'http', 'http_proxy', 'http2', 'https', 'tls', 'mongo', 'redis', 'mysql'];
const KUBERNETES = ['kubernetes.io/h2c', 'kubernetes.io/ws', 'kubernetes.io/wss'];
/** Ports that istiod takes as TCP, since detection would break what speaks there. */
const WELL_KNOWN = [25, 53, 3306, 27017];

export const portName = rule<Service>({
  code: 'AMB2073',
  severity: 'info',
  title: "A Service's port says no protocol that Istio knows",
  why: 'istiod takes the protocol of a port from appProtocol, and without it from the name up to its first dash: http, http-admin, grpc. For any other text proxies have to guess from the first bytes, which costs a moment where the server speaks first. A port without a name and appProtocol is not told: it says nothing that could be wrong.',
  aliases: ['IST0118', 'KIA0601', 'KIA0602'],
  scope: 'document',
  kinds: ['/Service'],
  check({ document, report }) {
    const { spec, metadata } = document.value;
    // The Services of gateways are made by istiod, those of Istio itself by its charts.
    const labels = metadata.labels ?? {};
    if (GATEWAY_MANAGED in labels || 'istio' in labels || GATEWAY_NAME in (spec?.selector ?? {})) return;
    for (const [index, port] of (spec?.ports ?? []).entries()) {
      const field = port.appProtocol === undefined ? 'name' : 'appProtocol';
      const text = port[field];
      if (!text || port.protocol === 'UDP' || isKnown(text, field) || WELL_KNOWN.includes(port.port)) continue;
      report(['spec', 'ports', index, field], messageOf(text, field, port));
    }
  },
});

function isKnown(text: string, field: 'name' | 'appProtocol'): boolean {
  if (field === 'appProtocol' && KUBERNETES.includes(text)) return true;
  return PROTOCOLS.includes(text.toLowerCase().split('-')[0] ?? '');
}

function messageOf(text: string, field: 'name' | 'appProtocol', { port }: ServicePort): string {
  const remedy =
    field === 'name' ? `Name it http-${text}, or add appProtocol.` : 'Known are http, http2, grpc, tcp, tls, …';
  return `${JSON.stringify(text)} is no protocol, so proxies guess what port ${port} speaks. ${remedy}`;
}
