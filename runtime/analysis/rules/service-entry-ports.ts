import { SERVICE_ENTRY, type ServiceEntry } from '../istio-objects';
import type { MeshDocument } from '../document';
import type { Mesh } from '../workspace';

/** The first ServiceEntry that lists a host and port. */
export interface FirstEntry {
  readonly key: string;
  readonly protocol: string;
}

/** Hosts of ServiceEntries that see each other: those exported to some namespaces only are compared within their own. */
export function hostKeys({ namespace, value }: MeshDocument<ServiceEntry>): string[] {
  const scope = value.spec?.exportTo === undefined ? '*' : namespace;
  return (value.spec?.hosts ?? []).map((host) => `${scope} ${host}`);
}

/** By host and port number. */
export function firstEntries(mesh: Mesh): ReadonlyMap<string, FirstEntry> {
  const first = new Map<string, FirstEntry>();
  for (const entry of mesh.ofKind<ServiceEntry>(SERVICE_ENTRY))
    for (const host of hostKeys(entry))
      for (const { number, protocol } of entry.value.spec?.ports ?? []) {
        const key = `${host} ${number}`;
        const found = { key: `${entry.namespace}/${entry.name}`, protocol: protocolOf(protocol) };
        if (!first.has(key)) first.set(key, found);
      }
  return first;
}

/** Protocols are compared in capitals; one that is not written is TCP. */
export function protocolOf(protocol = 'TCP'): string {
  return protocol.toUpperCase();
}
