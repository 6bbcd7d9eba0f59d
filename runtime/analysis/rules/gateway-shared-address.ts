import type { Gateway } from '../../api/resources';
import { rule } from '../rule';
import type { Mesh } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

export const gatewaySharedAddress = rule<Gateway>({
  code: 'AMB4035',
  severity: 'warning',
  title: 'Two Gateways ask for the same address',
  why: 'An address belongs to one Gateway: the other one stays without it (AddressNotUsable) and serves nothing there.',
  aliases: ['KIA1502'],
  scope: 'workspace',
  kinds: [GATEWAY],
  check({ document, mesh, report }) {
    const own = `${document.namespace}/${document.name}`;
    for (const [index, address] of addressesOf(document.value).entries()) {
      const first = mesh.derived(firstOfAddresses).get(keyOf(address)) ?? own;
      if (first === own) continue;
      report(['spec', 'addresses', index, 'value'], `Gateway ${first} asks for the address ${address.value} too.`);
    }
  },
});

interface Address {
  readonly type?: string;
  readonly value?: string;
}

function addressesOf({ spec }: Gateway): readonly Address[] {
  return (spec as { addresses?: Address[] } | undefined)?.addresses ?? [];
}

/** An address without a value is any one. */
function keyOf({ type = 'IPAddress', value }: Address): string | undefined {
  return value && `${type} ${value}`;
}

function firstOfAddresses(mesh: Mesh): ReadonlyMap<string | undefined, string> {
  const first = new Map<string | undefined, string>();
  for (const { namespace, name, value } of mesh.ofKind<Gateway>(GATEWAY))
    for (const address of addressesOf(value)) {
      const key = keyOf(address);
      if (key && !first.has(key)) first.set(key, `${namespace}/${name}`);
    }
  return first;
}
