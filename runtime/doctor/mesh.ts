import { X509Certificate } from 'node:crypto';
import { KIND, type Kind } from '../api/kinds';
import { USE_WAYPOINT, USE_WAYPOINT_NAMESPACE } from '../api/labels';
import type { ConfigMap, KubeObject, Namespace, Pod, Service } from '../api/resources';
import { enrolledPods, type EnrolledPod } from '../kube/enrolled-pods';
import { isEnrolled } from '../kube/enrollment';
import type { KubeClient } from '../kube/client';
import { silentNodes } from '../kube/silent-nodes';
import { listWaypoints } from '../kube/waypoints';
import { check, fail, ok, skipped, warn, type Check, type Finding } from './check';
import { blockedDirections, type NetworkPolicy } from './hbone-policy';

const NETWORK_POLICY: Kind = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
};
const ROOT_CERTIFICATE = 'istio-ca-root-cert';
const SOON_DAYS = 30;
const DAY_MS = 86_400_000;
/** Names in a line; more are counted. */
const MOST_NAMES = 5;

function names(all: readonly string[]): string {
  const rest = all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : '';
  return `${all.slice(0, MOST_NAMES).join(', ')}${rest}`;
}

function capture(enrolled: readonly Namespace[], pods: readonly EnrolledPod[]): Finding {
  if (enrolled.length === 0 && pods.length === 0) return skipped('no namespace is enrolled (ambient enroll NAMESPACE)');
  const waiting = pods.filter((pod) => pod.by !== undefined && !pod.captured && pod.leftOut === undefined);
  const stray = pods.filter((pod) => pod.by === undefined);
  const path = ({ namespace, name }: EnrolledPod): string => `${namespace}/${name}`;
  if (waiting.length > 0)
    return fail(
      `enrolled, but not captured: ${names(waiting.map(path))}`,
      'See the log of the CNI node agent (upstream: kubectl -n istio-system logs ds/istio-cni-node; ours: ambient logs agent).',
    );
  if (stray.length > 0) return warn(`captured, although no longer enrolled: ${names(stray.map(path))}`);
  const left = pods.filter(({ leftOut }) => leftOut !== undefined).length;
  const captured = pods.filter((pod) => pod.captured).length;
  const rest = left === 0 ? '' : `, ${left} left out on purpose`;
  return ok(`${enrolled.length} namespaces enrolled, ${captured} pods captured${rest}`);
}

async function waypoints(client: KubeClient, labelled: readonly KubeObject[]): Promise<Finding> {
  const all = await listWaypoints(client);
  const known = new Set(all.map(({ namespace, name }) => `${namespace}/${name}`));
  const missing = labelled.flatMap(({ kind, metadata: { name, namespace, labels } }) => {
    const wanted = labels?.[USE_WAYPOINT];
    if (wanted === undefined || wanted === 'none') return [];
    const target = `${labels?.[USE_WAYPOINT_NAMESPACE] ?? namespace ?? name}/${wanted}`;
    return known.has(target)
      ? []
      : [`${kind ?? 'namespace'} ${namespace ? `${namespace}/` : ''}${name} asks for ${target}`];
  });
  if (missing.length > 0)
    return fail(`no such waypoint: ${names(missing)}`, 'Deploy it (ambient waypoint apply), or take the label away.');
  const idle = all.filter(({ programmed }) => !programmed);
  if (idle.length > 0)
    return fail(
      `not programmed: ${names(idle.map(({ namespace, name, message }) => `${namespace}/${name} (${message})`))}`,
      'See ambient waypoint status, and kubectl describe of the Gateway.',
    );
  return all.length === 0 ? skipped('there is no waypoint') : ok(`${all.length} waypoints, all programmed`);
}

/** HBONE comes to port 15008, which policies and firewalls from before the mesh do not know. */
async function hbone(client: KubeClient, namespaces: ReadonlySet<string>, pods: readonly Pod[]): Promise<Finding> {
  const [silent] = await silentNodes(client, pods);
  if (silent !== undefined) return fail(silent.message, silent.remedy);
  const { status, body } = await client.request('GET', '/apis/networking.k8s.io/v1/networkpolicies');
  if (status === 404) return skipped('the cluster has no NetworkPolicies');
  if (status !== 200) return skipped(`NetworkPolicies cannot be read (${status})`);
  const policies = ((JSON.parse(body) as { items?: NetworkPolicy[] }).items ?? []).filter(({ metadata }) =>
    namespaces.has(metadata.namespace ?? ''),
  );
  const blocking = policies.flatMap((policy) => {
    const directions = blockedDirections(policy);
    const { namespace, name } = policy.metadata;
    return directions.length === 0 ? [] : [`${namespace}/${name} (${directions.join(', ')})`];
  });
  if (blocking.length === 0)
    return ok(`${policies.length} NetworkPolicies in enrolled namespaces, each lets port 15008 through`);
  return warn(
    `no rule for port 15008, where mTLS between pods arrives: ${names(blocking)}`,
    `Allow TCP 15008 in these policies (${NETWORK_POLICY.group}); another policy of the same pods may do so already.`,
  );
}

async function rootCertificate(client: KubeClient, namespace: string): Promise<Finding> {
  const map = await client.get<ConfigMap>(KIND.ConfigMap, ROOT_CERTIFICATE, namespace);
  const pem = map?.data?.['root-cert.pem'];
  if (pem === undefined)
    return fail(`there is no ConfigMap ${namespace}/${ROOT_CERTIFICATE}`, 'istiod writes it; see its log.');
  // A bundle during a rotation: the one that lasts longest decides.
  const ends = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((one) =>
    Date.parse(new X509Certificate(one).validTo),
  );
  const days = Math.floor((Math.max(...ends) - Date.now()) / DAY_MS);
  if (!(days >= 0))
    return fail('the root certificate has expired', 'Rotate the root (Istio: plug in CA certificates).');
  const detail = `the root certificate is good for ${days} days`;
  return days < SOON_DAYS ? warn(detail, 'Rotate the root before it expires.') : ok(detail);
}

/** Enrolment and capture, waypoints, the way for HBONE, and the root certificate. */
export async function meshChecks(client: KubeClient, istioNamespace: string): Promise<Check[]> {
  const [namespaces, pods, services] = await Promise.all([
    client.list<Namespace>(KIND.Namespace),
    client.list<Pod>(KIND.Pod),
    client.list<Service>(KIND.Service),
  ]);
  const enrolled = namespaces.filter(isEnrolled);
  const taking = enrolledPods(namespaces, pods);
  const within = new Set([
    ...enrolled.map(({ metadata }) => metadata.name),
    ...taking.map(({ namespace }) => namespace),
  ]);
  const labelled = [...namespaces, ...services.map((service) => ({ ...service, kind: 'service' }))];
  return Promise.all([
    check('mesh', 'capture', () => capture(enrolled, taking)),
    check('mesh', 'waypoints', () => waypoints(client, labelled)),
    check('mesh', 'port 15008', () => hbone(client, within, pods)),
    check('mesh', 'root certificate', () => rootCertificate(client, istioNamespace)),
  ]);
}
