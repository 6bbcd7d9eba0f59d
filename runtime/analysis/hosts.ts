import { CLUSTER_DOMAIN } from '../api/labels';
import type { ObjectName } from '../policy/attachment';
import { absence } from './absence';
import type { MeshDocument } from './document';
import { choices } from './correct';
import type { Fix } from './edit';
import { nearest } from './nearest';
import type { Path } from './path';
import { SERVICE_ENTRY, type ServiceEntry } from './istio-objects';
import type { Severity } from './rule';
import type { Mesh } from './workspace';

/**
 * The Service that a host would name: `reviews` in its own namespace, `reviews.shop`, `reviews.shop.svc` and
 * `reviews.shop.svc.cluster.local`. `example.com` has that form too: see objectOfHost for what really is there.
 */
export function serviceNameOf(host: string, namespace: string): ObjectName | undefined {
  const [name = '', ofHost = namespace, ...rest] = host.split('.');
  const suffix = rest.join('.');
  if (name === '' || name.includes('*')) return undefined;
  return ['', 'svc', `svc.${CLUSTER_DOMAIN}`].includes(suffix) ? { namespace: ofHost, name } : undefined;
}

/** The full name of a Service. */
export function fullHost({ namespace, name }: ObjectName): string {
  return `${name}.${namespace}.svc.${CLUSTER_DOMAIN}`;
}

/** A host as Istio completes it: the full name where a Service could be meant, anything else as it is. */
export function absoluteHost(host: string, namespace: string): string {
  const service = serviceNameOf(host, namespace);
  return service ? fullHost(service) : host;
}

/** The Service that a host names, or the ServiceEntry that lists it or a wildcard that covers it. */
export function objectOfHost(host: string, namespace: string, mesh: Mesh): MeshDocument | undefined {
  const service = serviceNameOf(host, namespace);
  const found = service && mesh.named('/Service', service.namespace, service.name);
  if (found) return found;
  const { exact, wide } = mesh.derived(serviceEntries);
  const entry = exact.get(host) ?? wide.find(([listed]) => covers(listed, host))?.[1];
  return entry && mesh.named(SERVICE_ENTRY, entry.namespace, entry.name);
}

/** ServiceEntries by the hosts that they list, wildcards apart: names only, since documents move in their files. */
function serviceEntries(mesh: Mesh) {
  const all = mesh
    .ofKind<ServiceEntry>(SERVICE_ENTRY)
    .flatMap(({ namespace, name, value }) =>
      (value.spec?.hosts ?? []).map((host): [string, ObjectName] => [host, { namespace, name }]),
    );
  return { exact: new Map([...all].reverse()), wide: all.filter(([host]) => host.startsWith('*')) };
}

/** What is missing for a host to mean something, as a sentence; undefined for a wildcard or what is there. */
export function missingFor(
  host: string,
  namespace: string,
  mesh: Mesh,
): { readonly message: string; readonly severity: Severity } | undefined {
  if (host.includes('*') || host === '' || objectOfHost(host, namespace, mesh)) return undefined;
  const service = serviceNameOf(host, namespace);
  const inMesh = service && (host.split('.').length !== 2 || mesh.named('/Namespace', '', service.namespace));
  const { nobodyHas, severity } = absence(mesh, inMesh ? '/Service' : SERVICE_ENTRY);
  const what = inMesh ? `the Service ${service.namespace}/${service.name}` : `a ServiceEntry for ${host}`;
  return { message: `${nobodyHas} ${what}.`, severity };
}

/** Whether a host with a wildcard in front, or the same host, covers another. */
export function covers(wide: string, host: string): boolean {
  return wide === host || (wide.startsWith('*') && host.endsWith(wide.slice(1)));
}

/** Fixes for a host that nothing has: names of Services of its namespace, written as it is, that may be meant. */
export function hostCorrections(document: MeshDocument, path: Path, host: string, mesh: Mesh): (Fix | undefined)[] {
  const service = serviceNameOf(host, document.namespace);
  if (service === undefined) return [];
  const names = mesh.inNamespace('/Service', service.namespace).map(({ name }) => name);
  const hosts = nearest(service.name, names).map((name) => host.replace(service.name, name));
  return choices(document, path, hosts);
}
