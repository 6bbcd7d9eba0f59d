import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../../runtime/api/json-schema';
import type { FieldDocs } from '../../runtime/analysis/fields/field-docs';
import { DOCUMENTED, fieldDoc, labelDoc } from '../../runtime/analysis/fields/fields';
import { LABELS } from '../../runtime/analysis/fields/labels';
import { parsePath } from '../../runtime/analysis/path';
import { customSchema } from '../../runtime/analysis/schemas';
import * as apiLabels from '../../runtime/api/labels';

/** Every field of a schema, by path; `*` is any key of a mapping whose values have fields. */
function fieldsOf(schema: JsonSchema, path: readonly string[] = []): string[][] {
  const rest = schema.additionalProperties;
  return [
    ...(schema.items ? fieldsOf(schema.items, path) : []),
    ...(typeof rest === 'object' && rest.properties ? [[...path, '*'], ...fieldsOf(rest, [...path, '*'])] : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
      [...path, name],
      ...fieldsOf(field, [...path, name]),
    ]),
  ];
}

/** Every path that docs have words for, through shared types. */
function pathsOf(docs: FieldDocs, prefix = ''): string[] {
  return Object.entries(docs).flatMap(([path, value]) => {
    const whole = [prefix, path].filter(Boolean).join('.');
    return typeof value === 'string' ? [whole] : [whole, ...pathsOf(value.fields, whole)];
  });
}

/** Every text of docs, each once. */
function textsOf(docs: FieldDocs): string[] {
  return Object.values(docs).flatMap((value) =>
    typeof value === 'string' ? [value] : [value.doc, ...textsOf(value.fields)],
  );
}

describe.each(Object.entries(DOCUMENTED))('%s', (groupKind, docs) => {
  const [group = '', kind = ''] = groupKind.split('/');
  const schema = customSchema(group, 'v1', kind)!;
  const fields = fieldsOf(schema);

  test('has a word for every field, and for nothing else', () => {
    expect(fields.length).toBeGreaterThan(15);
    expect(fields.filter((path) => fieldDoc(group, kind, path) === undefined).map((path) => path.join('.'))).toEqual(
      [],
    );
    const known = new Set(['', ...fields.map((path) => path.join('.'))]);
    expect(pathsOf(docs).filter((path) => !known.has(path))).toEqual([]);
  });

  test('says it in one to four plain sentences', () => {
    for (const text of new Set(textsOf(docs))) {
      expect(text).toMatch(/[.]$/);
      expect(text.length, text).toBeLessThan(330);
      expect(text).not.toMatch(/ {2}|\n/);
    }
  });
});

test.each([
  // group                   kind              path                                       a part of what it says
  ['security.istio.io', 'AuthorizationPolicy', '', 'who may reach'],
  ['security.istio.io', 'AuthorizationPolicy', 'spec.rules[0].from[0].source.principals[0]', 'spiffe'],
  ['security.istio.io', 'AuthorizationPolicy', 'spec.targetRefs[0].kind', 'GatewayClass'],
  ['security.istio.io', 'AuthorizationPolicy', 'spec.selector.matchLabels.app', 'Labels that a pod must have'],
  ['security.istio.io', 'PeerAuthentication', 'spec.portLevelMtls.8080.mode', 'STRICT'],
  ['networking.istio.io', 'VirtualService', 'spec.http[0].match[0].headers.x-user.exact', 'whole text'],
  [
    'networking.istio.io',
    'DestinationRule',
    'spec.subsets[0].trafficPolicy.portLevelSettings[0].tls.sni',
    'Server name',
  ],
  ['gateway.networking.k8s.io', 'HTTPRoute', 'spec.rules[0].backendRefs[0].filters[0].urlRewrite.path.type', 'meant'],
  ['gateway.networking.k8s.io', 'Gateway', 'metadata.name', 'unique'],
])('%s %s at "%s" tells "%s"', (group, kind, path, text) => {
  const keys = path.split(/\.|\[(\d+)\]/).filter(Boolean);
  expect(
    fieldDoc(
      group,
      kind,
      keys.map((key) => (/^\d$/.test(key) ? Number(key) : key)),
    ),
  ).toContain(text);
});

test('an unknown field or kind has no documentation', () => {
  expect(fieldDoc('security.istio.io', 'AuthorizationPolicy', parsePath('spec.nothing'))).toBeUndefined();
  expect(fieldDoc('example.com', 'Thing', parsePath('spec'))).toBeUndefined();
});

describe('labels', () => {
  test('are each there once, and have a word', () => {
    expect(new Set(LABELS.map(({ key }) => key)).size).toBe(LABELS.length);
    for (const { doc, key } of LABELS) expect(doc, key).toMatch(/[.]$/);
    expect(labelDoc('istio.io/dataplane-mode')).toMatchObject({ on: 'label', values: ['ambient', 'none'] });
    expect(labelDoc('app')).toBeUndefined();
  });

  test('of the runtime are documented', () => {
    const used = Object.values(apiLabels).filter((value) => typeof value === 'string' && value.includes('/'));
    const notAsLabel = [apiLabels.WAYPOINT_CONTROLLER, apiLabels.STAND_IN];
    for (const key of used)
      if (!notAsLabel.includes(key as never)) expect(labelDoc(key as string), String(key)).toBeDefined();
  });
});
