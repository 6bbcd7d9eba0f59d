import type { MeshDocument } from '../document';
import { sameLabels } from '../labels';
import { gatewayWorkloads, ISTIO_GATEWAY, type GatewayServer, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';

/** Protocols whose servers show no certificate, whatever their tls says. */
const PLAIN = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'];

export const gatewayConflict = rule<IstioGateway>({
  code: 'AMB4062',
  severity: 'warning',
  title: 'Two Istio Gateways serve the same host on the same port of the same pods',
  why: 'istiod leaves a TLS server out whose host an older Gateway serves on the same port: its certificate and its settings do not count, and VirtualServices that are bound to it alone get no request. Servers of plain HTTP are merged, so that is an info: whoever writes one of the Gateways speaks for the other too. Give each host one Gateway, or different ports or binds.',
  aliases: ['IST0145', 'KIA0301'],
  scope: 'workspace',
  kinds: [ISTIO_GATEWAY],
  check({ document, mesh, report }) {
    const others = mesh
      .ofKind<IstioGateway>(ISTIO_GATEWAY)
      .filter((other) => other !== document && haveCommonPods(other, document, mesh));
    for (const [index, server] of (document.value.spec?.servers ?? []).entries()) {
      for (const [at, host] of (server.hosts ?? []).entries()) {
        const other = others.find((candidate) =>
          (candidate.value.spec?.servers ?? []).some(
            (theirs) => sameSocket(server, theirs) && hostsOf(theirs, candidate).includes(hostOf(host, document)),
          ),
        );
        if (other === undefined) continue;
        report(
          ['spec', 'servers', index, 'hosts', at],
          `Gateway ${other.namespace}/${other.name} serves ${host} on port ${server.port?.number} of the same pods.`,
          { severity: isTls(server) ? 'warning' : 'info' },
        );
      }
    }
  },
});

function isTls({ port, tls }: GatewayServer): boolean {
  return tls !== undefined && !PLAIN.includes(port?.protocol?.toUpperCase() ?? '');
}

function haveCommonPods(left: MeshDocument<IstioGateway>, right: MeshDocument<IstioGateway>, mesh: Mesh): boolean {
  if (sameLabels(left.value.spec?.selector, right.value.spec?.selector)) return true;
  const selected = new Set(gatewayWorkloads(left, mesh));
  return gatewayWorkloads(right, mesh).some((workload) => selected.has(workload));
}

function sameSocket(left: GatewayServer, right: GatewayServer): boolean {
  return left.port?.number === right.port?.number && (left.bind ?? '') === (right.bind ?? '');
}

function hostsOf(server: GatewayServer, gateway: MeshDocument<IstioGateway>): string[] {
  return (server.hosts ?? []).map((host) => hostOf(host, gateway));
}

/** A host as `namespace/host`, where the namespace limits who may bind to it; `*` for anybody. */
function hostOf(host: string, { namespace }: MeshDocument<IstioGateway>): string {
  if (!host.includes('/')) return `*/${host}`;
  return host.startsWith('./') ? `${namespace}${host.slice(1)}` : host;
}
