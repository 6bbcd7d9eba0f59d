import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bundledCrds, definitionsOf, RELEASES, type CustomResourceDefinition } from '../../runtime/api/crds';
import { KIND } from '../../runtime/api/kinds';

const root = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'crds-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const crdOf = (kind: string): CustomResourceDefinition => {
  const crd = bundledCrds.find(({ spec }) => spec.names.kind === kind);
  if (crd === undefined) throw new Error(`no ${kind}`);
  return crd;
};

/** Every object found under a key, at any depth. */
function* under(key: string, value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, each] of Object.entries(value)) {
    if (name === key) yield each;
    yield* under(key, each);
  }
}

describe('bundled definitions', () => {
  test('are what their modules publish', () => {
    execFileSync(process.execPath, [path.join(root, 'test/api/crds.mjs'), folder], { stdio: 'pipe' });
    for (const name of ['crds.json', 'NOTICE'])
      expect(readFileSync(path.join(folder, name), 'utf8')).toBe(
        readFileSync(path.join(root, 'runtime/api', name), 'utf8'),
      );
  }, 120_000);

  test('name the kinds that the mesh reads, in the version that it asks for', () => {
    for (const kind of Object.values(KIND)) {
      if (!/istio|gateway/.test(kind.group)) continue;
      const { spec, metadata } = crdOf(kind.kind);
      expect(metadata.name).toBe(`${kind.plural}.${kind.group}`);
      expect(spec.scope).toBe(kind.namespaced ? 'Namespaced' : 'Cluster');
      expect(spec.versions.filter(({ served }) => served).map(({ name }) => name)).toContain(kind.version);
    }
  });

  test.each(bundledCrds.map((crd) => [crd.metadata.name, crd] as const))('%s is well-formed', (_, crd) => {
    const { versions } = crd.spec;
    expect(versions.filter(({ storage }) => storage)).toHaveLength(1);
    expect(versions.filter(({ served }) => served).length).toBeGreaterThan(1);
    for (const { schema } of versions) {
      expect(schema?.openAPIV3Schema?.type).toBe('object');
      // Descriptions are gone; properties that bear the name are schemas, not texts.
      for (const description of under('description', schema)) expect(description).toBeTypeOf('object');
    }
  });

  test('of every release and channel stand whole', () => {
    for (const release of RELEASES) {
      expect(release.bundleVersion.startsWith(`v${release.gatewayApi}.`)).toBe(true);
      for (const channel of ['standard', 'experimental'] as const) {
        const definitions = definitionsOf(release, channel);
        const kinds = definitions.map(({ spec }) => `${spec.group}/${spec.names.kind}`);
        expect(new Set(kinds).size).toBe(kinds.length);
        expect(kinds).toEqual(
          expect.arrayContaining([
            'gateway.networking.k8s.io/GRPCRoute',
            'networking.istio.io/Gateway',
            'networking.istio.io/Sidecar',
            'security.istio.io/AuthorizationPolicy',
          ]),
        );
        expect(kinds.includes('gateway.networking.x-k8s.io/XMesh')).toBe(channel === 'experimental');
        for (const { spec } of definitions)
          for (const { schema } of spec.versions)
            for (const each of under('items', schema)) expect(each).toBeTypeOf('object');
      }
    }
  });

  test('keep printer columns', () => {
    const columns = (kind: string) => crdOf(kind).spec.versions[0]?.additionalPrinterColumns?.map(({ name }) => name);
    expect(columns('Gateway')).toEqual(['Class', 'Address', 'Programmed', 'Age']);
    expect(columns('AuthorizationPolicy')).toEqual(['Action', 'Age']);
  });

  test('keep CEL rules and a property called description', () => {
    const route = [...under('x-kubernetes-validations', crdOf('HTTPRoute'))];
    expect(JSON.stringify(route)).toContain('RequestRedirect filter must not be used together with backendRefs');
    expect([...under('x-kubernetes-validations', crdOf('AuthorizationPolicy'))].length).toBeGreaterThan(0);
    expect([...under('description', crdOf('GatewayClass'))]).toContainEqual({ maxLength: 64, type: 'string' });
  });
});
