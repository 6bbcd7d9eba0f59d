import fc from 'fast-check';
import { apiVersionOf, KIND, type Kind } from '../../../runtime/api/kinds';
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  KubeObject,
  MtlsMode,
  PeerAuthentication,
  PolicyTargetRef,
} from '../../../runtime/api/resources';

// What people write and mistype, as far as the API server takes it; few distinct values, so that they often meet.
const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = (...values: string[]): fc.Arbitrary<string[]> => fc.array(pick(...values), { maxLength: 3 });
const maybe = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

const texts = some('*', 'a', 'a*', '*a', '**', '', 'cluster.local/ns/shop/sa/web', 'spiffe://cluster.local/ns/a/sa/b');
const accounts = some('web', 'shop/web', '/web', 'shop/', 'a/b/c', '');
const blocks = some(
  ...['10.0.0.1', '10.1.0.0/16', '10.1.2.3/16', '0.0.0.0/0', '10.0.0.1/33', '010.0.0.1', '10.0.0', '10.0.0.1/08', ''],
  ...[
    'fd00::1',
    'FD00::/8',
    '::/0',
    'fd00::1/129',
    '::ffff:10.0.0.1',
    '::ffff:10.0.0.0/120',
    '::10.0.0.1',
    'fe80::1%eth0',
  ],
  ...['fe80::1%eth0/64', '1::2::3', 'fd00:0:0:0:0:0:0:1', '10.0.0.0/+8', '10.0.0.0/', '/8'],
);
const ports = some(
  '80',
  '8080',
  '0',
  '007',
  '65535',
  '65536',
  '-1',
  '+80',
  '0x50',
  '8_0',
  'http',
  '',
  ' 80',
  '4294967376',
);
const http = some('GET', '/books', '*', 'shop.example.com');

const source = fc
  .tuple(
    maybe({
      principals: texts,
      notPrincipals: texts,
      namespaces: texts,
      notNamespaces: texts,
      serviceAccounts: accounts,
      notServiceAccounts: accounts,
      ipBlocks: blocks,
      notIpBlocks: blocks,
    }),
    maybe({ requestPrincipals: texts, notRequestPrincipals: texts, remoteIpBlocks: blocks, notRemoteIpBlocks: blocks }),
    fc.integer({ min: 0, max: 3 }),
    fc.boolean(),
  )
  .map(([l4, l7, withL7, byAccount]) => {
    const { serviceAccounts, notServiceAccounts, principals, notPrincipals, namespaces, notNamespaces, ...rest } = l4;
    // The API server refuses service accounts beside principals or namespaces.
    const peer = byAccount
      ? { serviceAccounts, notServiceAccounts }
      : { principals, notPrincipals, namespaces, notNamespaces };
    return defined({ ...rest, ...peer, ...(withL7 === 0 ? l7 : {}) });
  });
const operation = fc
  .tuple(
    maybe({ ports, notPorts: ports }),
    maybe({ hosts: http, notHosts: http, methods: http, notMethods: http, paths: http, notPaths: http }),
    fc.integer({ min: 0, max: 2 }),
  )
  .map(([l4, l7, withL7]) => ({ ...l4, ...(withL7 === 0 ? l7 : {}) }));

const condition = fc.oneof(
  ...(
    [
      [['source.ip', 'destination.ip'], blocks],
      [['destination.port'], ports],
      [['source.namespace', 'source.principal'], texts],
      [
        ['request.headers[x-user]', 'request.auth.claims[iss]', 'remote.ip', 'connection.sni', 'source.serviceAccount'],
        texts,
      ],
      [['Source.IP', 'experimental.envoy.filters.a.b[c]', 'toString', ''], texts],
    ] as const
  ).map(([keys, values]) =>
    fc.tuple(pick<string>(...keys), maybe({ values, notValues: values })).map(([key, rest]) => ({ key, ...rest })),
  ),
);

const rule: fc.Arbitrary<AuthorizationRule> = maybe({
  from: fc.array(
    source.map((one) => ({ source: one })),
    { maxLength: 2 },
  ),
  to: fc.array(
    operation.map((one) => ({ operation: one })),
    { maxLength: 2 },
  ),
  when: fc.array(condition, { maxLength: 2 }),
});

const selector = pick(
  { matchLabels: { app: 'a' } },
  { matchLabels: { app: 'a', version: 'v1' } },
  { matchLabels: {} },
  {},
);
const gatewayGroup = 'gateway.networking.k8s.io';
const targetRef: fc.Arbitrary<PolicyTargetRef> = fc.oneof(
  pick('catalog', 'plain', 'gone').map((name) => ({ kind: 'Service', name })),
  pick('catalog', 'plain').map((name) => ({ group: 'core', kind: 'Service', name })),
  pick('gone').map((name) => ({ group: 'networking.istio.io', kind: 'ServiceEntry', name })),
  pick('waypoint', 'gone').map((name) => ({ group: gatewayGroup, kind: 'Gateway', name })),
  pick('istio-waypoint', 'gone').map((name) => ({ group: gatewayGroup, kind: 'GatewayClass', name })),
);
const place = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: selector.map((one) => ({ selector: one })) },
  { weight: 2, arbitrary: fc.array(targetRef, { maxLength: 3 }).map((targetRefs) => ({ targetRefs })) },
);
const annotations = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: pick('true', 'T', '1', 'false', 'yes', '').map((value) => ({ 'istio.io/dry-run': value })) },
);

/** AuthorizationPolicies that the API server takes; names and creation are the caller's. */
export const writtenPolicy: fc.Arbitrary<AuthorizationPolicy> = fc
  .tuple(
    pick('shop', 'shop', 'web', 'istio-system'),
    annotations,
    place,
    maybe({ action: pick('ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'DENY', 'AUDIT', 'CUSTOM') }),
    maybe({ rules: fc.array(rule, { maxLength: 3 }) }),
  )
  .map(([namespace, annotated, where, action, rules]) => ({
    ...typeOf(KIND.AuthorizationPolicy),
    metadata: { name: '', namespace, ...(annotated && { annotations: annotated }) },
    spec: { ...where, ...action, ...rules } as AuthorizationPolicy['spec'],
  }));

const mode = pick<MtlsMode>('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');
const mtls = fc.oneof(
  fc.constant(undefined),
  fc.constant({}),
  mode.map((one) => ({ mode: one })),
);
const portLevelMtls = fc.dictionary(
  pick('80', '8080', '443'),
  fc.oneof(
    fc.constant({}),
    mode.map((one) => ({ mode: one })),
  ),
  { minKeys: 1, maxKeys: 3 },
);

/** What a namespace says of mTLS, oldest first: of no two of these the age is the same. */
export const writtenPeerAuthentications: fc.Arbitrary<PeerAuthentication[]> = fc
  .array(
    fc.oneof(
      mtls.map((one) => ({ mtls: one })),
      fc.record({
        selector: pick(
          { matchLabels: { app: 'a' } },
          { matchLabels: { version: 'v1' } },
          { matchLabels: { app: 'z' } },
        ),
        mtls,
        portLevelMtls: fc.option(portLevelMtls, { nil: undefined }),
      }),
    ),
    { maxLength: 3 },
  )
  .map((specs) =>
    specs.map((spec, index) => ({
      ...typeOf(KIND.PeerAuthentication),
      metadata: { name: `age-${index}` },
      spec: defined(spec) as PeerAuthentication['spec'],
    })),
  );

export function typeOf(kind: Kind): Pick<KubeObject, 'apiVersion' | 'kind'> {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind };
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
