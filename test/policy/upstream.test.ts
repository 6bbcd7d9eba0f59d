// Upstream's own inputs and expectations, from the Go module that test/peers/istioctl pins: our translation has to agree.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { AuthorizationPolicy, PeerAuthentication } from '../../runtime/api/resources';
import { compileForZtunnel } from '../../runtime/policy/compile-for-ztunnel';
import { compilePeerAuthentications } from '../../runtime/policy/compile-peer-authentication';
import type { Authorization } from '../../runtime/policy/model';
import { toWire } from '../../runtime/policy/wire';
import { AuthorizationSchema } from '../../runtime/proto/gen/istio/security/authorization_pb';
import { toJson, type JsonValue } from '@bufbuild/protobuf';
import { goModule } from '../peers/go-module';
import { MESH } from './policies';

const module = goModule('istio.io/istio');
const folder = path.join(module, 'pilot/pkg/serviceregistry/ambient/testdata');

type Written = AuthorizationPolicy & PeerAuthentication & { kind: string };

function compile(written: readonly Written[]): Authorization | undefined {
  const [first] = written;
  if (first?.kind === 'AuthorizationPolicy') {
    const outcome = compileForZtunnel(first, MESH);
    return outcome.kind === 'sent' ? outcome.authorization : undefined;
  }
  // The static policy is not part of these files.
  return compilePeerAuthentications(written, MESH).authorizations.find(({ name }) => name.startsWith('converted_'));
}

/** In istiod's names; lists whose order means nothing are sorted, repeated clauses dropped. */
function normalised(rules: readonly JsonValue[]): unknown {
  const sorted = (values: readonly unknown[]) =>
    [...new Set(values.map((value) => JSON.stringify(value, sortKeys)))]
      .sort()
      .map((text) => JSON.parse(text) as unknown);
  return sorted(
    rules.map((group) => {
      const { rules, clauses = rules } = group as { rules?: JsonValue[]; clauses?: JsonValue[] };
      return sorted((clauses ?? []).map((clause) => sorted((clause as { matches?: JsonValue[] }).matches ?? [])));
    }),
  );
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe("istiod's translation", () => {
  const inputs = readdirSync(folder).filter((name) => name.endsWith('-in.yaml'));
  test('has cases', () => expect(inputs.length).toBeGreaterThan(15));

  test.each(inputs)('%s', (name) => {
    const written = parseAllDocuments(readFileSync(path.join(folder, name), 'utf8'))
      .map((document) => document.toJS() as Written | null)
      .filter((object) => object !== null);
    const expected = parse(readFileSync(path.join(folder, name.replace('-in', '')), 'utf8')) as {
      groups?: JsonValue[];
      [field: string]: unknown;
    } | null;
    const ours = compile(written);
    if (expected === null || Object.keys(expected).length === 0) return expect(ours).toBeUndefined();
    const { rules, ...fields } = toJson(AuthorizationSchema, toWire(ours!)) as { rules?: JsonValue[] };
    const { groups, ...expectedFields } = expected;
    expect(fields).toEqual(expectedFields);
    expect(normalised(rules ?? [])).toEqual(normalised(groups ?? []));
  });
});
