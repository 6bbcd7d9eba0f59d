import { absoluteHost } from '../hosts';
import { isForMesh, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';

export const virtualServiceConflict = rule<VirtualService>({
  code: 'AMB4029',
  severity: 'warning',
  title: 'Two VirtualServices route the same host within the mesh',
  why: 'Within the mesh, one host has one VirtualService: the older one counts and the other is ignored. (Gateways merge them.) Not told where exportTo may keep those of two namespaces apart.',
  aliases: ['KIA1106', 'IST0109'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    if (!isForMesh(document.value)) return;
    const own = `${document.namespace}/${document.name}`;
    for (const [index, host] of (document.value.spec?.hosts ?? []).entries()) {
      const scope = scopeOf(document.value, document.namespace);
      const first = mesh.derived(firstOfHosts).get(`${scope} ${absoluteHost(host, document.namespace)}`);
      if (first !== own)
        report(['spec', 'hosts', index], `VirtualService ${first} routes this host too; only the older one counts.`);
    }
  },
});

/** What is exported to some namespaces only is compared within its own. */
function scopeOf({ spec }: VirtualService, namespace: string): string {
  return spec?.exportTo === undefined ? '*' : namespace;
}

function firstOfHosts(mesh: Mesh): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const { namespace, name, value } of mesh.ofKind<VirtualService>(VIRTUAL_SERVICE))
    for (const host of isForMesh(value) ? (value.spec?.hosts ?? []) : []) {
      const key = `${scopeOf(value, namespace)} ${absoluteHost(host, namespace)}`;
      if (!first.has(key)) first.set(key, `${namespace}/${name}`);
    }
  return first;
}
