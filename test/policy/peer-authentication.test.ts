import { describe, expect, test } from 'vitest';
import type { MtlsMode, PeerAuthentication } from '../../runtime/api/resources';
import {
  authorizationPoliciesForWorkload,
  compilePeerAuthentications,
} from '../../runtime/policy/compile-peer-authentication';
import { decideConnection } from '../../runtime/policy/decide';
import { FACTS, MESH, peerAuthentication, policy } from './policies';

const WORKLOAD = { namespace: 'shop', labels: { app: 'a', version: 'v1' } };
const STATIC = 'istio-system/istio_converted_static_strict';
const PORTS = 'shop/converted_peer_authentication_pa';

const root = (mode: MtlsMode, created?: string) =>
  peerAuthentication(
    { mtls: { mode } },
    { name: `root-${mode}`, namespace: 'istio-system', creationTimestamp: created },
  );
const namespace = (mode: MtlsMode, created?: string) =>
  peerAuthentication({ mtls: { mode } }, { name: `ns-${mode}`, creationTimestamp: created });
const workload = (
  mode: MtlsMode | undefined,
  ports?: Record<string, MtlsMode>,
  more: Partial<PeerAuthentication['metadata']> = {},
) =>
  peerAuthentication(
    {
      selector: { matchLabels: { app: 'a' } },
      mtls: mode && { mode },
      portLevelMtls: ports && Object.fromEntries(Object.entries(ports).map(([port, each]) => [port, { mode: each }])),
    },
    more,
  );

/** Which of the ports refuse plaintext: judged by the policies that the workload is given. */
function strictPorts(policies: PeerAuthentication[], ports: number[]): number[] {
  const { authorizations, policiesForWorkload } = compilePeerAuthentications(policies, MESH);
  const keys = policiesForWorkload(WORKLOAD);
  const own = authorizations.filter((each) => keys.includes(`${each.namespace}/${each.name}`));
  expect(own).toHaveLength(keys.length);
  return ports.filter((destinationPort) => {
    expect(decideConnection(own, { ...FACTS, destinationPort }).verdict).toBe('allow');
    return decideConnection(own, { ...FACTS, destinationPort, identity: undefined }).verdict === 'deny';
  });
}

describe('PeerAuthentication', () => {
  test.each<[string, PeerAuthentication[], string[], number[]]>([
    // policies                                                                 keys      ports that need mTLS
    ['none', [], [], []],
    ['PERMISSIVE', [root('PERMISSIVE')], [], []],
    ['mesh STRICT', [root('STRICT')], [STATIC], [8080, 9090]],
    ['namespace STRICT', [namespace('STRICT')], [STATIC], [8080, 9090]],
    ['workload STRICT', [workload('STRICT')], [STATIC], [8080, 9090]],
    ['namespace over mesh', [root('STRICT'), namespace('PERMISSIVE')], [], []],
    ['workload over namespace', [namespace('STRICT'), workload('PERMISSIVE')], [], []],
    ['DISABLE is PERMISSIVE', [root('STRICT'), namespace('DISABLE')], [], []],
    ['UNSET inherits twice', [root('STRICT'), namespace('UNSET'), workload('UNSET')], [STATIC], [8080, 9090]],
    ['another namespace', [peerAuthentication({ mtls: { mode: 'STRICT' } }, { namespace: 'web' })], [], []],
    [
      'selector of another app',
      [{ ...workload('STRICT'), spec: { selector: { matchLabels: { app: 'b' } }, mtls: { mode: 'STRICT' } } }],
      [],
      [],
    ],
    ['selector in the root is ignored', [{ ...workload('STRICT', undefined, { namespace: 'istio-system' }) }], [], []],
    ['STRICT, port PERMISSIVE', [workload('STRICT', { 9090: 'PERMISSIVE' })], [PORTS], [8080]],
    ['STRICT, port DISABLE', [workload('STRICT', { 9090: 'DISABLE' })], [PORTS], [8080]],
    ['STRICT, two ports exempt', [workload('STRICT', { 9090: 'DISABLE', 8080: 'PERMISSIVE' })], [PORTS], []],
    ['STRICT, port STRICT', [workload('STRICT', { 9090: 'STRICT' })], [STATIC], [8080, 9090]],
    ['STRICT, port UNSET', [workload('STRICT', { 9090: 'UNSET' })], [STATIC], [8080, 9090]],
    ['PERMISSIVE, port STRICT', [workload('PERMISSIVE', { 9090: 'STRICT' })], [PORTS], [9090]],
    [
      'STRICT below PERMISSIVE, port DISABLE',
      [namespace('PERMISSIVE'), workload('STRICT', { 9090: 'DISABLE' })],
      [PORTS],
      [8080],
    ],
    [
      'PERMISSIVE below STRICT namespace, port STRICT',
      [namespace('STRICT'), workload('PERMISSIVE', { 9090: 'STRICT' })],
      [PORTS],
      [9090],
    ],
    ['DISABLE, port STRICT', [workload('DISABLE', { 9090: 'STRICT' })], [PORTS], [9090]],
    ['PERMISSIVE, port DISABLE', [workload('PERMISSIVE', { 9090: 'DISABLE' })], [], []],
    [
      'inherits STRICT, port DISABLE: not exempt',
      [namespace('STRICT'), workload(undefined, { 9090: 'DISABLE' })],
      [STATIC],
      [8080, 9090],
    ],
    [
      'port modes without a selector',
      [
        {
          ...workload('STRICT', { 9090: 'DISABLE' }),
          spec: { mtls: { mode: 'STRICT' }, portLevelMtls: { 9090: { mode: 'DISABLE' } } },
        },
      ],
      [STATIC],
      [8080, 9090],
    ],
    [
      'an empty selector is the namespace’s',
      [{ ...namespace('STRICT'), spec: { selector: {}, mtls: { mode: 'STRICT' } } }],
      [STATIC],
      [8080, 9090],
    ],
    [
      'an empty selector in the root is not the mesh’s',
      [{ ...root('STRICT'), spec: { selector: {}, mtls: { mode: 'STRICT' } } }],
      [],
      [],
    ],
    [
      'inherits STRICT, port PERMISSIVE',
      [namespace('STRICT'), workload(undefined, { 9090: 'PERMISSIVE' })],
      [PORTS],
      [8080],
    ],
    ['inherits PERMISSIVE, port STRICT', [workload('UNSET', { 9090: 'STRICT' })], [PORTS], [9090]],
    [
      'oldest of the mesh',
      [root('PERMISSIVE', '2026-02-01T00:00:00Z'), root('STRICT', '2026-01-01T00:00:00Z')],
      [STATIC],
      [8080, 9090],
    ],
    [
      'oldest of the namespace',
      [namespace('STRICT', '2026-02-01T00:00:00Z'), namespace('PERMISSIVE', '2026-01-01T00:00:00Z')],
      [],
      [],
    ],
    [
      'oldest of the workload',
      [
        workload('STRICT', { 9090: 'DISABLE' }, { name: 'newer', creationTimestamp: '2026-02-01T00:00:00Z' }),
        workload('PERMISSIVE', undefined, { name: 'older', creationTimestamp: '2026-01-01T00:00:00Z' }),
      ],
      [],
      [],
    ],
  ])('%s', (_, policies, keys, strict) => {
    for (const order of [policies, [...policies].reverse()]) {
      expect(compilePeerAuthentications(order, MESH).policiesForWorkload(WORKLOAD)).toEqual(keys);
      expect(strictPorts(order, [8080, 9090])).toEqual(strict);
    }
  });

  // Upstream gives the workload a policy that it does not send: nothing is left of the mesh's STRICT.
  test.each<[string, PeerAuthentication[]]>([
    ['PERMISSIVE below a STRICT mesh, port STRICT', [root('STRICT'), workload('PERMISSIVE', { 9090: 'STRICT' })]],
    [
      'UNSET below an UNSET namespace below a STRICT mesh, port PERMISSIVE',
      [root('STRICT'), namespace('UNSET'), workload('UNSET', { 9090: 'PERMISSIVE' })],
    ],
  ])('%s: every port takes plaintext', (_, policies) => {
    const { authorizations, policiesForWorkload } = compilePeerAuthentications(policies, MESH);
    expect(policiesForWorkload(WORKLOAD)).toEqual([PORTS]);
    expect(authorizations.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([STATIC]);
  });

  test('the static policy is sent as soon as there is any PeerAuthentication', () => {
    expect(compilePeerAuthentications([], MESH).authorizations).toEqual([]);
    expect(compilePeerAuthentications([root('PERMISSIVE')], MESH).authorizations).toEqual([
      {
        name: 'istio_converted_static_strict',
        namespace: 'istio-system',
        scope: 'WORKLOAD_SELECTOR',
        action: 'DENY',
        rules: [{ clauses: [{ matches: [{ notPrincipals: [{ presence: true }] }] }] }],
        dryRun: false,
      },
    ]);
  });
});

describe('AuthorizationPolicies of a workload', () => {
  const selector = (app: string) => ({ selector: { matchLabels: { app } } });
  test('are those with a selector that fits, of its namespace and of the root', () => {
    const policies = [
      policy(selector('a'), { name: 'z' }),
      policy(selector('b'), { name: 'other-app' }),
      policy(selector('a'), { name: 'other-namespace', namespace: 'web' }),
      policy({ selector: {} }, { name: 'empty-selector' }),
      policy({ selector: { matchLabels: {} } }, { name: 'no-labels' }),
      policy({}, { name: 'namespace-wide' }),
      policy({ ...selector('a'), action: 'AUDIT' }, { name: 'audit' }),
      policy({ ...selector('a'), targetRefs: [{ kind: 'Service', name: 's' }] }, { name: 'for-waypoint' }),
      policy(selector('a'), { name: 'root', namespace: 'istio-system' }),
    ];
    expect(authorizationPoliciesForWorkload(WORKLOAD, policies, MESH)).toEqual([
      'istio-system/root',
      'shop/no-labels',
      'shop/z',
    ]);
  });
});
