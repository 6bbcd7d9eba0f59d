import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { apiVersionOf, pathOf } from '../../api/kinds';
import { definition, openApiName, SCHEMA_REF } from '../schema/builtin';
import type { JsonSchema } from '../../api/json-schema';
import { definitionName, schemaOf } from '../schema/kind-schema';
import { notFound } from '../store/status-error';
import type { Registry } from './registry';
import { sendJson } from './respond';
import type { ServedKind } from './served-kind';

const PREFIX = '/openapi/v3';
/** Changes with the way that documents are made: clients keep them by their hash. */
const FORMAT = '2';
const parameter = (name: string): object => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
const PATCH_PARAMETERS = ['pretty', 'dryRun', 'fieldManager', 'fieldValidation'].map(parameter);
const WRITE_PARAMETERS = PATCH_PARAMETERS;

const groupPath = (kind: ServedKind): string =>
  kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`;

/** The component's name: reversed group for custom kinds, as the API server does. */
function componentName(kind: ServedKind): string {
  if (kind.custom === undefined) return openApiName(definitionName(kind));
  return [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');
}

/** A schema for publishing: references by their public names, and those it needs noted. */
function published(schema: JsonSchema, needed: Set<string>): object {
  const replace = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('$ref' in value)) return value;
    const { $ref, ...rest } = value as JsonSchema;
    if (typeof $ref !== 'string' || !$ref.startsWith(SCHEMA_REF) || $ref.startsWith(`${SCHEMA_REF}io.`)) return value;
    const name = $ref.slice(SCHEMA_REF.length);
    needed.add(name);
    // A reference stands alone in OpenAPI 3.0; what belongs beside it goes around it.
    return { ...rest, allOf: [{ $ref: SCHEMA_REF + openApiName(name) }], default: {} };
  };
  return JSON.parse(JSON.stringify(schema, replace)) as object;
}

function operation(kind: ServedKind, action: string, parameters: readonly object[]): object {
  const reference = { $ref: SCHEMA_REF + componentName(kind) };
  const content = { 'application/json': { schema: reference } };
  return {
    parameters,
    responses: { 200: { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, version: kind.version, kind: kind.kind },
  };
}

function pathsOf(kind: ServedKind): [string, object][] {
  const collection = pathOf(kind, kind.namespaced ? 'NAMESPACE' : undefined).replace('NAMESPACE', '{namespace}');
  const item = `${collection}/{name}`;
  return [
    [collection, { get: operation(kind, 'list', []), post: operation(kind, 'post', WRITE_PARAMETERS) }],
    [
      item,
      {
        get: operation(kind, 'get', []),
        put: operation(kind, 'put', WRITE_PARAMETERS),
        patch: operation(kind, 'patch', [...PATCH_PARAMETERS, parameter('force')]),
        delete: operation(kind, 'delete', []),
      },
    ],
  ];
}

function documentOf(kinds: readonly ServedKind[]): object {
  const schemas: Record<string, object> = {};
  const needed = new Set<string>();
  const kindsOf = ({ group, version, kind }: ServedKind): object => ({
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
  });
  for (const kind of kinds) {
    const builtin = kind.custom ? undefined : definition(definitionName(kind));
    schemas[componentName(kind)] = { ...published(builtin ?? schemaOf(kind), needed), ...kindsOf(kind) };
  }
  // The set grows while it is gone through: references of references.
  for (const name of needed) schemas[openApiName(name)] ??= published(definition(name) ?? {}, needed);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.4' },
    paths: Object.fromEntries(kinds.flatMap(pathsOf)),
    components: { schemas },
  };
}

/** OpenAPI v3 of the served kinds, one document for each group and version, made when asked for. */
export class OpenApi {
  #generation = -1;
  readonly #hashes = new Map<string, string>();

  constructor(private readonly registry: Registry) {}

  answer(path: string, response: ServerResponse): void {
    if (path === PREFIX || path === `${PREFIX}/`) return this.#index(response);
    const wanted = path.slice(PREFIX.length + 1);
    const kinds = this.registry.all().filter((kind) => groupPath(kind) === wanted);
    if (kinds.length === 0) throw notFound({ group: '', plural: 'paths', kind: '' }, path);
    const document = documentOf(kinds);
    // The address carries a hash of the content, so that clients may keep it.
    response.setHeader('cache-control', 'public, max-age=86400');
    response.setHeader('etag', `"${this.#hashOf(wanted)}"`);
    sendJson(response, 200, document);
  }

  #index(response: ServerResponse): void {
    const groups = new Set(this.registry.all().map(groupPath));
    const paths = [...groups].map((group) => [
      group,
      { serverRelativeURL: `${PREFIX}/${group}?hash=${this.#hashOf(group)}` },
    ]);
    sendJson(response, 200, { paths: Object.fromEntries(paths) as object });
  }

  #hashOf(group: string): string {
    if (this.#generation !== this.registry.generation) {
      this.#generation = this.registry.generation;
      this.#hashes.clear();
    }
    let hash = this.#hashes.get(group);
    if (hash === undefined) {
      const kinds = this.registry.all().filter((kind) => groupPath(kind) === group);
      const content = JSON.stringify(kinds.map((kind) => [apiVersionOf(kind), kind.kind, kind.custom?.schema]));
      hash = createHash('sha256').update(FORMAT).update(content).digest('hex').slice(0, 32).toUpperCase();
      this.#hashes.set(group, hash);
    }
    return hash;
  }
}
