// Files judged and explained against a mesh that runs: what it does not have, has otherwise, or does not enforce.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Diagnostic } from '../../runtime/analysis/diagnostic';
import type { Enforcement } from '../../runtime/analysis/enforcement/enforcement';
import { ambient, DIST, eventually, MeshUnderTest } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

const MANIFESTS = path.join(DIST, 'manifests', 'apps');

describe('against a running mesh', () => {
  let mesh: MeshUnderTest;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'ambient-live-'));
    mesh = await MeshUnderTest.up();
    await mesh.kubectl(`apply -f ${path.join(MANIFESTS, '00-namespace.yaml')}`);
    await mesh.ambient('enroll', 'bookshop');
    for (const file of ['services', 'policies', 'routes'])
      await mesh.kubectl(`apply -f ${path.join(MANIFESTS, `${file}.yaml`)}`);
    // The traffic runs as it; nothing else of the traffic is needed.
    await mesh.kubectl('create serviceaccount -n bookshop visitor');
    await mesh.ambient('waypoint', 'apply', '-n', 'bookshop');
    await mesh.kubectl('wait --for=condition=Available --timeout=60s -n bookshop deployment --all');
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `ambient analyze --live` finds. */
  async function analyze(...paths: string[]): Promise<Diagnostic[]> {
    const { stdout, stderr } = await ambient(['analyze', ...paths, '--live', '--state', mesh.state, '-o', 'json']);
    if (!stdout.startsWith('[')) throw new Error(stdout + stderr);
    return JSON.parse(stdout) as Diagnostic[];
  }
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const explain = async (what: string, ...flags: string[]): Promise<Enforcement[]> => {
    const args = ['explain', what, ...flags, '--state', mesh.state, '-o', 'json'];
    return JSON.parse((await ambient(args)).stdout) as Enforcement[];
  };
  const codes = (found: readonly Diagnostic[]): string[] => [...new Set(found.map(({ code }) => code))].sort();

  test('what has been applied as it is written, and works, has no finding', async () => {
    // The waypoint stands in no file; the mesh has it. The namespace was enrolled by a command, beyond its file.
    const files = ['policies', 'routes', 'services'].map((name) => path.join(MANIFESTS, `${name}.yaml`));
    // Conditions are written a moment after what they tell of.
    await eventually(async () => ((await analyze(...files)).length === 0 ? true : undefined), 'no finding', 10).catch(
      async () => expect(await analyze(...files)).toEqual([]),
    );
  });

  test('a policy is explained with the nodes and pods that enforce it', async () => {
    const [policy] = await explain('AuthorizationPolicy/payments-from-cart', '-n', 'bookshop');
    expect(policy?.enforcers).toMatchObject([
      { by: 'ztunnel', target: { kind: 'Deployment', name: 'payments' }, nodes: [expect.any(String)] },
    ]);
    expect(policy?.summary).toBe('Enforced by ztunnel at 1 workload');
    const [service] = await explain('svc/catalog', '-n', 'bookshop');
    expect(service?.enforcers[0]).toMatchObject({ by: 'waypoint', name: 'bookshop/waypoint' });
  });

  test('what the mesh does not have, or has otherwise, is told', async () => {
    const file = write(
      'policies.yaml',
      `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: payments-from-cart, namespace: bookshop }
spec:
  selector: { matchLabels: { app: payments } }
  rules:
  - from: [{ source: { principals: [cluster.local/ns/bookshop/sa/carrt] } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: not-yet, namespace: bookshop }
spec:
  targetRefs: [{ kind: Service, group: "", name: missing }]
  rules: [{ from: [{ source: { namespaces: [bookshop] } }] }]
`,
    );
    const found = await analyze(file);
    expect(codes(found)).toEqual(['AMB3001', 'AMB3002', 'AMB7001', 'AMB7002']);
    expect(found.find(({ code }) => code === 'AMB3002')).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('Neither a file nor the mesh has') as unknown,
      fixes: [{ title: 'Write cluster.local/ns/bookshop/sa/cart' }],
    });
  });

  test('a condition that istiod writes is told where the file says the kind', async () => {
    const text = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: lost-deny, namespace: bookshop }
spec:
  selector: { matchLabels: { app: payments } }
  action: DENY
  rules: [{ to: [{ operation: { methods: [DELETE] } }] }]
`;
    await mesh.apply(text);
    const file = write('lost.yaml', text);
    const condition = await eventually(
      async () => (await analyze(file)).find(({ code }) => code === 'AMB7005'),
      'the condition',
    );
    expect(condition).toMatchObject({ line: 2, message: expect.stringContaining('ZtunnelAccepted') as unknown });
    await mesh.kubectl('delete authorizationpolicy -n bookshop lost-deny');
  });

  test('a namespace that leaves ambient mode, and a waypoint that goes, leave policies that nobody enforces', async () => {
    const namespace = write(
      'namespace.yaml',
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bookshop\n  labels:\n    istio.io/dataplane-mode: ambient\n',
    );
    await mesh.ambient('unenroll', 'bookshop');
    const found = await analyze(namespace, path.join(MANIFESTS, 'policies.yaml'));
    expect(codes(found)).toEqual(expect.arrayContaining(['AMB7001', 'AMB7003', 'AMB7006']));
    expect(found.find(({ code }) => code === 'AMB7006')?.message).toContain('is not redirected to ztunnel');
    const [policy] = await explain('AuthorizationPolicy/payments-from-cart', '-n', 'bookshop');
    expect(policy?.enforcers[0]).toMatchObject({
      by: 'nobody',
      text: expect.stringContaining('not redirected') as unknown,
    });

    await mesh.ambient('enroll', 'bookshop');
    await mesh.ambient('waypoint', 'delete', '-n', 'bookshop');
    const services = await analyze(path.join(MANIFESTS, 'services.yaml'));
    expect(services.find(({ code }) => code === 'AMB2006')).toMatchObject({
      severity: 'warning',
      message: expect.stringContaining('Neither a file nor the mesh has the Gateway') as unknown,
    });
  });

  test('without a mesh, --live says so', async () => {
    const { code, stderr } = await ambient(['analyze', MANIFESTS, '--live', '--state', path.join(folder, 'none')]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('No mesh')]);
  });
});
