import type { Gateway } from '../../api/resources';
import { rule } from '../rule';
import { isWaypoint, type Mesh } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

export const gatewaySharedHost = rule<Gateway>({
  code: 'AMB4034',
  severity: 'info',
  title: 'Two Gateways listen for the same hostname and port',
  why: 'Each Gateway has its own address, so it hangs on the DNS record which of them the clients of the hostname reach. During a move that is meant; otherwise one may be a leftover.',
  aliases: ['KIA1501'],
  scope: 'workspace',
  kinds: [GATEWAY],
  check({ document, mesh, report }) {
    const own = `${document.namespace}/${document.name}`;
    for (const [index, { hostname, port }] of listenersOf(document.value).entries()) {
      const first = mesh.derived(firstGateways).get(`${hostname}:${port}`) ?? own;
      if (hostname === undefined || first === own) continue;
      report(['spec', 'listeners', index, 'hostname'], `Gateway ${first} listens for ${hostname} on port ${port} too.`);
    }
  },
});

function listenersOf({ spec }: Gateway): readonly { hostname?: string; port: number }[] {
  return spec?.listeners ?? [];
}

function firstGateways(mesh: Mesh): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const gateway of mesh.ofKind<Gateway>(GATEWAY))
    for (const { hostname, port } of isWaypoint(gateway) ? [] : listenersOf(gateway.value)) {
      const key = `${hostname}:${port}`;
      if (!first.has(key)) first.set(key, `${gateway.namespace}/${gateway.name}`);
    }
  return first;
}
