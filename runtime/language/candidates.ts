import type { AuthorizationPolicy, HttpRoute, Service } from '../api/resources';
import { TRUST_DOMAIN } from '../api/labels';
import type { MeshDocument } from '../analysis/document';
import { fullHost } from '../analysis/hosts';
import type { ServiceEntry } from '../analysis/istio-objects';
import { isLive } from '../analysis/live-mesh';
import { isWaypoint } from '../analysis/workspace';
import type { LanguageSession } from './session';
import { GATEWAY, SERVICE, SERVICE_ACCOUNT, SERVICE_ENTRY } from './references';

/** Something that may be written at a place. */
export interface Candidate {
  readonly text: string;
  readonly detail: string;
  /** Before the others. */
  readonly near?: boolean;
}

/** Names of objects of a kind, those of a namespace only, or first where others may be meant. */
export function names(objects: readonly MeshDocument[], namespace: string, others: boolean): Candidate[] {
  return objects
    .filter((object) => others || object.namespace === namespace || object.namespace === '')
    .map((object) => ({ text: object.name, detail: detailOf(object), near: object.namespace === namespace }));
}

export function waypoints(objects: readonly MeshDocument[], namespace: string): Candidate[] {
  const own = objects.filter((gateway) => isWaypoint(gateway as MeshDocument<never>));
  return [...names(own, namespace, false), { text: 'none', detail: 'opts out of the namespace’s waypoint' }];
}

/** Hosts of Services, short within the namespace, and those of ServiceEntries. */
export function hosts(session: LanguageSession, namespace: string): Candidate[] {
  return [
    ...session.mesh.ofKind(SERVICE).flatMap((service) => {
      const near = service.namespace === namespace;
      const detail = detailOf(service);
      const full = { text: fullHost(service), detail, near };
      return near ? [{ text: service.name, detail, near }, full] : [full];
    }),
    ...session.mesh.ofKind(SERVICE_ENTRY).flatMap((entry) =>
      ((entry as MeshDocument<ServiceEntry>).value.spec?.hosts ?? []).map((text) => ({
        text,
        detail: detailOf(entry),
      })),
    ),
  ];
}

/** Identities of service accounts, and of waypoints, whose accounts stand in no file. */
export function principals(session: LanguageSession, namespace: string): Candidate[] {
  const identity = ({ namespace: own, name }: MeshDocument): string => `${TRUST_DOMAIN}/ns/${own}/sa/${name}`;
  const waypoint = session.mesh.ofKind(GATEWAY).filter((one) => isWaypoint(one as MeshDocument<never>));
  return [...session.mesh.ofKind(SERVICE_ACCOUNT), ...waypoint].map((account) => ({
    text: identity(account),
    detail: detailOf(account),
    near: account.namespace === namespace,
  }));
}

/** Ports of a Service; of all Services of the namespace where none is named. */
export function servicePorts(session: LanguageSession, namespace: string, name: string | undefined): Candidate[] {
  return session.mesh
    .ofKind(SERVICE)
    .filter((service) => service.namespace === namespace && (name === undefined || service.name === name))
    .flatMap((service) =>
      ((service as MeshDocument<Service>).value.spec?.ports ?? []).map((port) => ({
        text: String(port.port),
        detail: `${port.name ?? port.protocol ?? 'TCP'} of Service ${service.name}`,
      })),
    );
}

/** Ports of the pods that a policy selects: those that ztunnel compares. */
export function podPorts(session: LanguageSession, policy: MeshDocument): Candidate[] {
  const { selector } = (policy as MeshDocument<AuthorizationPolicy>).value.spec ?? {};
  return session.mesh.selected(policy.namespace, selector?.matchLabels).flatMap(({ document, ports }) =>
    ports.map(({ containerPort, name }) => ({
      text: String(containerPort),
      detail: `${name ?? 'port'} of ${document.kind} ${document.name}`,
    })),
  );
}

/** What routes of the workspace compare: names of headers, or paths. */
export function fromRoutes(session: LanguageSession, what: 'headers' | 'paths'): Candidate[] {
  return session.mesh.ofKind<HttpRoute>('gateway.networking.k8s.io/HTTPRoute').flatMap((route) =>
    (route.value.spec?.rules ?? [])
      .flatMap(({ matches }) => matches ?? [])
      .flatMap(({ headers, path }) =>
        what === 'headers' ? (headers ?? []).map(({ name }) => name) : path?.value ? [path.value] : [],
      )
      .map((text) => ({ text, detail: detailOf(route) })),
  );
}

/** Claims that policies of the workspace ask for. */
export function claims(session: LanguageSession): string[] {
  const written = session.mesh
    .ofKind<AuthorizationPolicy>('security.istio.io/AuthorizationPolicy')
    .flatMap(({ value }) => (value.spec?.rules ?? []).flatMap(({ when }) => (when ?? []).map(({ key }) => key)))
    .flatMap((key) => /^request\.auth\.claims\[(.+)\]$/.exec(key)?.[1] ?? []);
  return [...new Set(['iss', 'sub', 'groups', ...written])];
}

/** Labels of the workloads of a namespace, as keys or as the values of one key. */
export function workloadLabels(session: LanguageSession, namespace: string, key?: string): Candidate[] {
  return session.mesh.selected(namespace, {}).flatMap(({ labels, document }) =>
    Object.entries(labels)
      .filter(([name]) => key === undefined || name === key)
      .map(([name, value]) => ({ text: key === undefined ? name : value, detail: detailOf(document) })),
  );
}

function detailOf(document: MeshDocument): string {
  const { kind, namespace } = document;
  return `${kind}${namespace === '' ? '' : ` of ${namespace}`}${isLive(document) ? ' (live)' : ''}`;
}
