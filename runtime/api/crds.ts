import type { JsonSchema } from './json-schema';
import type { KubeObject } from './resources';
import bundle from './crds.json';

/** A CustomResourceDefinition of apiextensions.k8s.io/v1, as far as the API server reads it. */
export interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    names: {
      kind: string;
      listKind?: string;
      plural: string;
      singular?: string;
      shortNames?: string[];
      categories?: string[];
    };
    scope: 'Namespaced' | 'Cluster';
    versions: {
      name: string;
      served: boolean;
      storage: boolean;
      deprecated?: boolean;
      deprecationWarning?: string;
      schema?: { openAPIV3Schema?: JsonSchema };
      subresources?: {
        status?: object;
        scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
      };
      additionalPrinterColumns?: {
        name: string;
        type: string;
        jsonPath: string;
        format?: string;
        priority?: number;
      }[];
      selectableFields?: { jsonPath: string }[];
    }[];
    preserveUnknownFields?: boolean;
    conversion?: { strategy: string };
  };
  status?: Record<string, unknown>;
}

/** Gateway API comes in two channels: experimental has kinds and fields that standard has not. */
export type Channel = 'standard' | 'experimental';

/** A minor version of Istio with the minor version of the Gateway API that it is built with. */
export interface Release {
  /** E.g. `1.31`. */
  readonly istio: string;
  readonly gatewayApi: string;
  /** The Gateway API's whole version, as its definitions carry it. */
  readonly bundleVersion: string;
  /** By module and channel: index of a definition, then of the schema of each of its versions. */
  readonly definitions: Readonly<Record<'istio' | Channel, readonly (readonly number[])[]>>;
}

const { nodes, definitions } = bundle as unknown as {
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly definitions: readonly CustomResourceDefinition[];
};

/** What this program knows of: the current and the two previous minor versions, newest first. See NOTICE. */
export const RELEASES = bundle.releases as unknown as readonly [Release, ...Release[]];

const GATEWAY_API = 'gateway.networking.k8s.io';
const schemas: JsonSchema[] = [];

/**
 * A schema by its index. Equal schemas are the same object, wherever and in whichever version they stand; made at the
 * first use.
 */
function schema(index: number): JsonSchema {
  return (schemas[index] ??= Object.fromEntries(
    Object.entries(nodes[index] ?? {}).map(([keyword, value]) => [keyword, expanded(keyword, value)]),
  ));
}

function expanded(keyword: string, value: unknown): unknown {
  switch (keyword) {
    case 'properties':
      return Object.fromEntries(
        Object.entries(value as Record<string, number>).map(([name, index]) => [name, schema(index)]),
      );
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
      return (value as number[]).map(schema);
    case 'items':
    case 'not':
    case 'additionalProperties':
      return typeof value === 'number' ? schema(value) : value;
    default:
      return value;
  }
}

/** The definitions of a release: Istio's, and the Gateway API's in one channel. */
export function definitionsOf(release: Release, channel: Channel): readonly CustomResourceDefinition[] {
  const made = ([index = 0, ...roots]: readonly number[]): CustomResourceDefinition => {
    const definition = definitions[index]!;
    const { metadata, spec } = definition;
    const bundled = spec.group.startsWith('gateway.') && {
      [`${GATEWAY_API}/bundle-version`]: release.bundleVersion,
      [`${GATEWAY_API}/channel`]: channel,
    };
    return {
      ...definition,
      metadata: bundled ? { ...metadata, annotations: { ...metadata.annotations, ...bundled } } : metadata,
      spec: {
        ...spec,
        versions: spec.versions.map((version, at) => ({
          ...version,
          schema: { openAPIV3Schema: schema(roots[at]!) },
        })),
      },
    };
  };
  return [...release.definitions[channel], ...release.definitions.istio].map(made);
}

/** What the embedded cluster has from its start, in order of installation. */
const BUNDLED = [
  'gatewayclasses.gateway.networking.k8s.io',
  'gateways.gateway.networking.k8s.io',
  'httproutes.gateway.networking.k8s.io',
  'referencegrants.gateway.networking.k8s.io',
  'authorizationpolicies.security.istio.io',
  'peerauthentications.security.istio.io',
  'requestauthentications.security.istio.io',
  'serviceentries.networking.istio.io',
  'workloadentries.networking.istio.io',
  'destinationrules.networking.istio.io',
  'virtualservices.networking.istio.io',
  'telemetries.telemetry.istio.io',
];

/** The Gateway API's and Istio's definitions that the embedded cluster has from its start. */
export const bundledCrds: readonly CustomResourceDefinition[] = definitionsOf(RELEASES[0], 'standard')
  .filter(({ metadata }) => BUNDLED.includes(metadata.name))
  .sort((a, b) => BUNDLED.indexOf(a.metadata.name) - BUNDLED.indexOf(b.metadata.name));
