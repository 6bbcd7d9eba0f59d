import type { IncomingMessage, ServerResponse } from 'node:http';
import { notFound } from '../store/status-error';
import { acceptedRanges } from './accept';
import { REVIEW_KINDS } from './builtin-kinds';
import type { Registry } from './registry';
import { sendJson } from './respond';
import { VERBS, type ServedKind } from './served-kind';

interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

const OBJECT_VERBS = ['get', 'patch', 'update'];
const ALL_METHODS = ['create', 'delete', 'get', 'patch', 'update'];
/** Subresources that are not objects of their kind, by `<group>/<plural>`. */
const EXTRA: Readonly<Record<string, readonly Subresource[]>> = {
  '/pods': [
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'proxy', kind: 'PodProxyOptions', verbs: ALL_METHODS },
    { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  ],
  '/services': [{ name: 'proxy', kind: 'ServiceProxyOptions', verbs: ALL_METHODS }],
  '/serviceaccounts': [
    { name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
  ],
  '/namespaces': [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
};

const isNamespace = (kind: ServedKind): boolean => kind.group === '' && kind.plural === 'namespaces';
const isReview = (kind: ServedKind): boolean => REVIEW_KINDS.includes(kind);

function subresourcesOf(kind: ServedKind): Subresource[] {
  const own = kind.subresources.map((name) =>
    name === 'scale'
      ? { name, kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: OBJECT_VERBS }
      : { name, kind: kind.kind, verbs: OBJECT_VERBS },
  );
  return [...own, ...(EXTRA[`${kind.group}/${kind.plural}`] ?? [])];
}

/** Namespaces go one by one, as upstream. */
export function verbsOf(kind: ServedKind): readonly string[] {
  if (isReview(kind)) return ['create'];
  return isNamespace(kind) ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
}

interface Versions {
  readonly group: string;
  readonly versions: Map<string, ServedKind[]>;
}

function groupsOf(registry: Registry): Versions[] {
  const groups = new Map<string, Versions>();
  for (const kind of registry.all()) {
    let entry = groups.get(kind.group);
    if (entry === undefined) groups.set(kind.group, (entry = { group: kind.group, versions: new Map() }));
    const kinds = entry.versions.get(kind.version);
    if (kinds === undefined) entry.versions.set(kind.version, [kind]);
    else kinds.push(kind);
  }
  for (const { versions } of groups.values()) {
    const sorted = [...versions].sort(([a], [b]) => versionRank(b) - versionRank(a));
    versions.clear();
    for (const [version, kinds] of sorted) versions.set(version, kinds);
  }
  return [...groups.values()];
}

/** Order of versions: v2, v1, v1beta2, v1beta1, v1alpha1. */
function versionRank(version: string): number {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return -1;
  const level = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return level * 1e6 + Number(match[1]) * 1e3 + Number(match[3] ?? 0);
}

const gvk = (group: string, version: string, kind: string): object => ({ group, version, kind });

function aggregated(groups: readonly Versions[]): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: [...versions].map(([version, kinds]) => ({
        version,
        freshness: 'Current',
        resources: kinds.map((kind) => ({
          resource: kind.plural,
          responseKind: gvk(group, version, kind.kind),
          scope: kind.namespaced ? 'Namespaced' : 'Cluster',
          singularResource: kind.singular,
          verbs: verbsOf(kind),
          shortNames: kind.shortNames,
          categories: kind.categories,
          subresources: subresourcesOf(kind).map((sub) => ({
            subresource: sub.name,
            responseKind: gvk(sub.group ?? group, sub.version ?? version, sub.kind),
            verbs: sub.verbs,
          })),
        })),
      })),
    })),
  };
}

function apiGroup({ group, versions }: Versions): object {
  const named = [...versions.keys()].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: named, preferredVersion: named[0] };
}

function resourceList(group: string, version: string, kinds: readonly ServedKind[]): object {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: kinds.flatMap((kind) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs: verbsOf(kind),
        shortNames: kind.shortNames,
        categories: kind.categories,
      },
      ...subresourcesOf(kind).map((sub) => ({
        name: `${kind.plural}/${sub.name}`,
        singularName: '',
        namespaced: kind.namespaced,
        group: sub.group,
        version: sub.version,
        kind: sub.kind,
        verbs: sub.verbs,
      })),
    ]),
  };
}

const AGGREGATED = /^v2$|^v2beta1$/;

/** Answers /api, /apis and below, when the path names no resource; false when it is none of them. */
export function answerDiscovery(
  path: string,
  registry: Registry,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const [root, ...rest] = path.split('/').filter((part) => part !== '');
  if (root !== 'api' && root !== 'apis') return false;
  const groups = groupsOf(registry).filter(({ group }) => (group === '') === (root === 'api'));
  if (rest.length === 0) {
    const range = acceptedRanges(request).find(
      ({ parameters }) =>
        parameters['g'] === 'apidiscovery.k8s.io' &&
        parameters['as'] === 'APIGroupDiscoveryList' &&
        AGGREGATED.test(parameters['v'] ?? ''),
    );
    if (range?.parameters['v'] === 'v2') {
      const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      sendJson(response, 200, aggregated(groups), type);
    } else if (root === 'api') {
      const serverAddress = request.headers.host ?? '';
      const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress }];
      sendJson(response, 200, { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs });
    } else {
      sendJson(response, 200, { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) });
    }
    return true;
  }
  const [group, version] = root === 'api' ? ['', rest[0]] : rest;
  const found = groups.find((entry) => entry.group === group);
  const kinds = version === undefined ? undefined : found?.versions.get(version);
  if (rest.length > (root === 'api' ? 1 : 2)) return false;
  if (found !== undefined && version === undefined) sendJson(response, 200, apiGroup(found));
  else if (kinds !== undefined) sendJson(response, 200, resourceList(group!, version!, kinds));
  else throw notFound({ group: '', plural: 'paths', kind: '' }, path);
  return true;
}
