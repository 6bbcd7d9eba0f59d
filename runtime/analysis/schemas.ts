import { definitionsOf, RELEASES, type Channel, type Release } from '../api/crds';
import type { JsonSchema } from '../api/json-schema';
import type { Path } from './path';

const text: JsonSchema = { type: 'string' };
const whole: JsonSchema = { type: 'integer' };
const texts: JsonSchema = { type: 'object', additionalProperties: text };
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
/** Only the fields that rules read; the rest of the kind passes as it is. */
const open = (properties: Record<string, JsonSchema>, required: string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
  'x-kubernetes-preserve-unknown-fields': true,
});

const metadata = open({ name: text, namespace: text, labels: texts, annotations: texts });
const securityContext = open({ runAsUser: whole });
const containers = list(
  open({
    name: text,
    image: text,
    ports: list(open({ name: text, containerPort: whole }, ['containerPort'])),
    env: list(open({ name: text, value: text })),
    securityContext,
  }),
);
const podTemplate = open({
  metadata,
  spec: open({ serviceAccountName: text, securityContext, containers, initContainers: containers }),
});
const workload = open({ metadata, spec: open({ template: podTemplate }) });
const selector = open({
  matchLabels: texts,
  matchExpressions: list(open({ key: text, operator: text, values: list(text) })),
});
const webhooks = open({
  metadata,
  webhooks: list(
    open({
      name: text,
      clientConfig: open({ url: text, service: open({ name: text, namespace: text }) }),
      namespaceSelector: selector,
      objectSelector: selector,
    }),
  ),
});
const nothing = open({ metadata });

const builtin: Readonly<Record<string, JsonSchema>> = {
  '/Service': open({
    metadata,
    spec: open({
      selector: texts,
      type: text,
      ports: list(
        open(
          {
            name: text,
            port: whole,
            targetPort: { 'x-kubernetes-int-or-string': true },
            protocol: text,
            appProtocol: text,
          },
          ['port'],
        ),
      ),
    }),
  }),
  '/Pod': podTemplate,
  'apps/Deployment': workload,
  'apps/StatefulSet': workload,
  'apps/DaemonSet': workload,
  'apps/ReplicaSet': workload,
  'batch/Job': workload,
  'batch/CronJob': open({ metadata, spec: open({ jobTemplate: workload }) }),
  '/ConfigMap': open({ metadata, data: texts }),
  '/Secret': open({ metadata, data: texts, stringData: texts }),
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooks,
  'apiextensions.k8s.io/CustomResourceDefinition': open({
    metadata,
    spec: open({ group: text, names: open({ kind: text }) }),
  }),
  'kustomize.config.k8s.io/Kustomization': open({ metadata }),
};

/** Schemas of a release and channel by `group/version/Kind`. */
type Schemas = ReadonlyMap<string, JsonSchema>;
const known = new Map<string, Schemas>();

/** The minor versions of Istio whose definitions we carry, newest first: `1.31`, … */
export const ISTIO_VERSIONS: readonly string[] = RELEASES.map(({ istio }) => istio);

/** The release with a minor version of Istio, the newest for one that we do not carry or none. */
export function releaseOf(istioVersion?: string): Release {
  return RELEASES.find(({ istio }) => istio === istioVersion) ?? RELEASES[0];
}

/** The schema of a custom kind in a release and channel; undefined where its definitions lack the kind or version. */
export function customSchema(
  group: string,
  version: string,
  kind: string,
  release: Release = RELEASES[0],
  channel: Channel = 'experimental',
): JsonSchema | undefined {
  const key = `${release.istio} ${channel}`;
  let schemas = known.get(key);
  if (schemas === undefined) known.set(key, (schemas = read(release, channel)));
  return schemas.get(`${group}/${version}/${kind}`);
}

function read(release: Release, channel: Channel): Schemas {
  return new Map(
    definitionsOf(release, channel).flatMap(({ spec: { group, names, versions } }) =>
      versions.map(({ name, schema }): [string, JsonSchema] => {
        const root = schema?.openAPIV3Schema ?? {};
        const properties = { ...root.properties, apiVersion: text, kind: text, metadata };
        return [`${group}/${name}/${names.kind}`, { ...root, type: 'object', properties }];
      }),
    ),
  );
}

/**
 * The schema of a kind: the CustomResourceDefinition's, or the part of a built-in kind that rules rely on. A version that
 * the definitions lack is read as v1, so that rules may rely on its types too.
 */
export function schemaOf(group: string, version: string, kind: string, release?: Release): JsonSchema {
  return (
    customSchema(group, version, kind, release) ??
    customSchema(group, 'v1', kind, release) ??
    builtin[`${group}/${kind}`] ??
    nothing
  );
}

/** Whether the definitions that we carry have this kind in this version. */
export function isKnownVersion(group: string, version: string, kind: string): boolean {
  return RELEASES.some((release) => customSchema(group, version, kind, release) !== undefined);
}

/**
 * The schema of a field, for completion and hover. An index leads into a list's items, a key without a property of its
 * own into a mapping's values.
 *
 * @param path from the object's root; `[]` is the object itself
 * @param release the newest when not given
 * @returns undefined for a field that the kind lacks, and below a field that takes anything
 */
export function schemaAt(
  group: string,
  version: string,
  kind: string,
  path: Path,
  release?: Release,
): JsonSchema | undefined {
  return path.reduce<JsonSchema | undefined>(childOf, schemaOf(group, version, kind, release));
}

function childOf(schema: JsonSchema | undefined, part: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof part === 'number') return schema.items;
  const property = schema.properties && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
  return property ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
}

/** The values that a field may have, where its schema lists them; the empty text, which stands for none, left out. */
export function enumOf({ enum: values, type }: JsonSchema): readonly unknown[] {
  return values?.filter((value) => value !== '') ?? (type === 'boolean' ? [true, false] : []);
}

/** Since when a field exists, and in which channel of the Gateway API. */
export interface Availability {
  /** The oldest minor version of Istio that has it, unless all that we carry have it: `1.31`. */
  readonly istio?: string;
  /** The same in the Gateway API's numbers, for its kinds. */
  readonly gatewayApi?: string;
  /** Only in the experimental channel of the newest release. */
  readonly experimental?: true;
}

/** Tells since when the newest definitions' field at a path exists; see schemaAt for the path. */
export function availabilityOf(group: string, version: string, kind: string, path: Path): Availability {
  const has = (release: Release, channel: Channel): boolean =>
    path.reduce<JsonSchema | undefined>(childOf, customSchema(group, version, kind, release, channel)) !== undefined;
  const experimental = !has(RELEASES[0], 'standard');
  const channel = experimental ? 'experimental' : 'standard';
  const missing = RELEASES.findIndex((release) => !has(release, channel));
  const first = missing > 0 ? RELEASES[missing - 1] : undefined;
  return {
    ...(first && { istio: first.istio }),
    ...(first && group.startsWith('gateway.') && { gatewayApi: first.gatewayApi }),
    ...(experimental && { experimental: true }),
  };
}
