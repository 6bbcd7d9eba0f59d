import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { definitionsOf, RELEASES } from '../../../runtime/api/crds';
import type { JsonSchema } from '../../../runtime/api/json-schema';
import { validateCustom } from '../../../runtime/cluster/api/incoming';
import { servedKinds } from '../../../runtime/cluster/api/registry';
import type { ServedKind } from '../../../runtime/cluster/api/served-kind';
import { conform } from '../../../runtime/cluster/schema/conform';
import { resolved } from '../../../runtime/cluster/schema/builtin';
import { schemaOf } from '../../../runtime/cluster/schema/kind-schema';
import { StatusError, type Cause } from '../../../runtime/cluster/store/status-error';
import { withDefaults } from '../../../runtime/schema/defaults';
import { apiextensionsPath } from '../../peers/apiextensions-path';
import { hintsOf, valueOf, type Hints } from '../../schema/arbitraries';

type Bag = Parameters<typeof validateCustom>[1];

/** The API server's answers to the same requests: for each the causes, sorted. */
function upstream(requests: readonly { schema?: JsonSchema; object: unknown; previous?: unknown }[]): Cause[][] {
  const input = requests.map((request) => JSON.stringify(request)).join('\n');
  const { stdout, stderr, status } = spawnSync(apiextensionsPath(), { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(stderr);
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => sorted(JSON.parse(line) as Cause[]));
}

function ours(kind: ServedKind, object: unknown, previous?: unknown): Cause[] {
  const schema = schemaOf(kind);
  const read = (value: unknown) => withDefaults(conform(value, schema, false).value, schema, resolved) as Bag;
  try {
    validateCustom(kind, read(object), previous === undefined ? undefined : read(previous));
    return [];
  } catch (error) {
    if (!StatusError.is(error, 422)) throw error;
    return sorted(error.details?.causes ?? []);
  }
}

const sorted = (causes: readonly Cause[]): Cause[] =>
  causes
    // Why a rule could not be evaluated is said by each engine in its own words.
    .map(({ field, reason, message }) => ({
      field,
      reason,
      message: message.replace(/^(Invalid value: "\w+": ).* evaluating rule: /, '$1'),
    }))
    .sort((a, b) => (`${a.field} ${a.message}` < `${b.field} ${b.message}` ? -1 : 1));

/** What to make an object around: the names on the way to a place with rules, or to a field. */
function targetsOf(schema: JsonSchema, words: readonly string[] = []): Hints[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ rule }) => {
    const hints = hintsOf(rule);
    return { words: new Set([...words, ...hints.words]), texts: hints.texts };
  });
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => targetsOf(field, [...words, name]));
  const rest = schema.additionalProperties;
  const below = [schema.items, typeof rest === 'object' ? rest : undefined].flatMap((one) =>
    one ? targetsOf(one, words) : [],
  );
  const leaf = inner.length + below.length === 0 ? [{ words: new Set(words), texts: [] }] : [];
  return [...own, ...inner, ...below, ...leaf];
}

/** Objects that have something to do with one place of their schema, mostly. */
function objectsOf(kind: ServedKind): fc.Arbitrary<Record<string, unknown>> {
  const schema = kind.custom!.schema;
  const { spec } = schema.properties ?? {};
  const known = new Map<Hints, fc.Arbitrary<unknown>>();
  const specOf = (hints: Hints): fc.Arbitrary<unknown> => {
    const value = known.get(hints) ?? valueOf(spec ?? {}, hints);
    known.set(hints, value);
    return value;
  };
  return fc
    .constantFrom(...targetsOf(spec ?? {}))
    .chain(specOf)
    .map((value) => ({
      apiVersion: `${kind.group}/${kind.version}`,
      kind: kind.kind,
      metadata: { name: 'a' },
      spec: value,
    }));
}

const kinds = definitionsOf(RELEASES[0], 'experimental')
  .flatMap((definition) => servedKinds(definition).slice(0, 1))
  .filter(({ custom }) => custom!.schema.properties?.['spec'] !== undefined);

describe('objects that anyone might write', () => {
  test.each(kinds.map((kind) => [`${kind.group}/${kind.kind}`, kind] as const))(
    '%s: refused as the API server refuses them',
    (_, kind) => {
      const objects = fc.sample(objectsOf(kind), { numRuns: 150 });
      const { schema } = kind.custom!;
      const answers = upstream(objects.map((object, index) => ({ ...(index === 0 && { schema }), object })));
      for (const [index, object] of objects.entries())
        expect(ours(kind, object), JSON.stringify(object)).toEqual(answers[index]);
    },
    60_000,
  );

  test.each(kinds.filter(({ kind }) => ['HTTPRoute', 'AuthorizationPolicy', 'ServiceEntry'].includes(kind)))(
    '$kind: a change is judged as the API server judges it',
    (kind) => {
      // An object whose list keys are not unique was never stored, and which item was which nobody can say.
      const stored = (object: unknown) => !ours(kind, object).some(({ reason }) => reason === 'FieldValueDuplicate');
      const pairs = fc
        .sample(fc.tuple(objectsOf(kind), objectsOf(kind)), { numRuns: 120 })
        .filter(([previous]) => stored(previous));
      // Every second one changes a part only.
      const requests = pairs.map(([previous, object], index) => ({
        ...(index === 0 && { schema: kind.custom!.schema }),
        previous,
        object:
          index % 2 === 0
            ? object
            : { ...previous, spec: { ...(previous['spec'] as object), ...(object['spec'] as object) } },
      }));
      const answers = upstream(requests);
      for (const [index, { object, previous }] of requests.entries())
        expect(ours(kind, object, previous), JSON.stringify({ previous, object })).toEqual(answers[index]);
    },
    60_000,
  );
});
