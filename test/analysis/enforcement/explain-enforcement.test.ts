import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseFile } from '../../../runtime/analysis/document';
import { explainEnforcement } from '../../../runtime/analysis/enforcement/explain-enforcement';
import type { Enforcement } from '../../../runtime/analysis/enforcement/enforcement';
import { enforcementMarkdown, enforcementText } from '../../../runtime/analysis/enforcement/enforcement-text';
import { meshOf } from '../../../runtime/analysis/workspace';
import { fixtures, FIXTURES, liveMeshOf } from '../fixture';

/** Explains the first document of the kind, among all of the texts. */
function explain(kind: string, ...texts: string[]): Enforcement {
  const files = texts.map((text, index) => parseFile(`${index}.yaml`, text));
  const documents = files.flatMap((file) => file.documents);
  const document = documents.find((one) => one.kind === kind);
  const enforcement = document && explainEnforcement(document, meshOf(documents));
  if (enforcement === undefined) throw new Error(`nothing explains ${kind}`);
  return enforcement;
}

const namespace = (labels: string) =>
  `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { ${labels} } }\n`;
const AMBIENT = namespace('istio.io/dataplane-mode: ambient');
const deployment = (labels = '') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: cart, namespace: shop }
spec:
  template:
    metadata: { labels: { app: cart${labels} } }
    spec: { containers: [{ name: cart }] }
`;
const service = (labels = '') => `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop, labels: { ${labels} } }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
`;
const waypoint = (traffic: string, at = 'shop', allowed = '') => `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: waypoint, namespace: ${at}, labels: { istio.io/waypoint-for: ${traffic} } }
spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE${allowed} }] }
`;
const policy = (spec: string, at = 'shop') => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: ${at} }
spec: { ${spec} }
`;
const USES = 'istio.io/use-waypoint: waypoint';
const TARGET = 'targetRefs: [{ kind: Service, group: "", name: cart }]';
const SELECTOR = 'selector: { matchLabels: { app: cart } }';

describe('the line above a policy', () => {
  test.each([
    // policy                                            around it                                                   expected
    [policy(SELECTOR), [AMBIENT, deployment()], 'Enforced by ztunnel at 1 workload'],
    [policy(SELECTOR), [deployment()], 'Enforced by ztunnel at 1 workload (in ambient mode)'],
    [policy(SELECTOR), [AMBIENT], 'Enforced by ztunnel; selects nothing in these files'],
    [policy(SELECTOR), [namespace(''), deployment()], 'Enforced by nobody: namespace shop is not in ambient mode'],
    [
      policy(SELECTOR),
      [AMBIENT, deployment(', istio.io/dataplane-mode: none')],
      'Enforced by nobody: it is labelled istio.io/dataplane-mode: none',
    ],
    [policy(SELECTOR), [namespace('istio-injection: enabled'), deployment()], 'Enforced by sidecars at 1 workload'],
    [
      policy(`${SELECTOR}, action: DENY, rules: [{ to: [{ operation: { methods: [GET] } }] }]`),
      [AMBIENT, deployment()],
      'Enforced by ztunnel at 1 workload; as a whole this policy denies nothing',
    ],
    [
      policy(
        `action: DENY, rules: [{ to: [{ operation: { ports: ["80"], methods: [GET] } }] }, { from: [{ source: { namespaces: [a] } }] }]`,
      ),
      [AMBIENT, deployment()],
      'Enforced by ztunnel at 1 workload; 1 of 2 rules widened',
    ],
    [
      policy(`${SELECTOR}, action: CUSTOM, provider: { name: x }, rules: [{}]`),
      [AMBIENT, deployment()],
      'Enforced by nobody: ztunnel does not support the action CUSTOM',
    ],
    [policy('{}'.slice(1, -1), 'istio-system'), [AMBIENT, deployment()], 'Enforced by ztunnel at 1 workload'],
    [policy(TARGET), [service(USES), waypoint('service')], 'Enforced by waypoint shop/waypoint for Service cart'],
    [policy(TARGET), [service(USES)], 'Enforced by waypoint shop/waypoint for Service cart (once it is ready)'],
    [policy(TARGET), [service()], 'Enforced by nobody: Service cart uses no waypoint'],
    [policy(TARGET), [], 'Enforced by nobody: Service shop/cart stands in no file'],
    [
      policy(TARGET),
      [service(USES), waypoint('workload')],
      'Enforced by nobody: waypoint shop/waypoint is for workload traffic, not for service traffic, so traffic goes direct',
    ],
    [
      policy(TARGET),
      [service(`${USES}, istio.io/use-waypoint-namespace: infra`), waypoint('service', 'infra')],
      'Enforced by nobody: waypoint infra/waypoint does not admit namespace shop (allowedRoutes), so traffic goes direct',
    ],
    [
      policy(TARGET),
      [
        service(`${USES}, istio.io/use-waypoint-namespace: infra`),
        waypoint('service', 'infra', ', allowedRoutes: { namespaces: { from: All } }'),
      ],
      'Enforced by waypoint infra/waypoint for Service cart',
    ],
    [
      policy('targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }]'),
      [waypoint('all')],
      'Enforced by waypoint shop/waypoint',
    ],
    [
      policy(
        'targetRefs: [{ kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint }]',
        'istio-system',
      ),
      [],
      'Enforced by every waypoint',
    ],
    [
      policy('targetRefs: [{ kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint }]'),
      [],
      'Enforced by nobody: a policy for all waypoints has to be in namespace istio-system',
    ],
  ])('%s', (written, around, expected) => {
    expect(explain('AuthorizationPolicy', written, ...around).summary).toBe(expected);
  });
});

describe('which identity is seen', () => {
  const around = [AMBIENT, deployment(), service(USES), waypoint('service')];
  test('at a workload behind a waypoint, the waypoint for traffic to the service', () => {
    const { enforcers, notes } = explain('AuthorizationPolicy', policy(SELECTOR), ...around);
    expect(enforcers[0]?.identity).toContain('cluster.local/ns/shop/sa/waypoint');
    expect(notes.join(' ')).toContain('an ALLOW policy has to allow cluster.local/ns/shop/sa/waypoint');
  });
  test("at the waypoint, and at a workload without one, the client's own", () => {
    expect(explain('AuthorizationPolicy', policy(TARGET), ...around).enforcers[0]?.identity).toBe(
      "the client's own identity",
    );
    expect(explain('AuthorizationPolicy', policy(SELECTOR), AMBIENT, deployment()).enforcers[0]?.identity).toBe(
      "the client's own identity",
    );
  });
});

describe('other kinds', () => {
  const token = (spec: string) =>
    `apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: r, namespace: shop }\nspec: { ${spec} }\n`;
  const peer = (spec: string) =>
    `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: a, namespace: shop }\nspec: { ${spec} }\n`;
  const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: shop }
spec: { parentRefs: [{ group: "", kind: Service, name: cart }] }
`;
  test.each([
    [
      'RequestAuthentication',
      [token(SELECTOR), AMBIENT, deployment()],
      'Enforced by nobody in ambient mode: it has no targetRefs',
    ],
    [
      'RequestAuthentication',
      [token(TARGET), service(USES), waypoint('service')],
      'Enforced by waypoint shop/waypoint for Service cart',
    ],
    ['HTTPRoute', [route, service(USES), waypoint('service')], 'Applied by waypoint shop/waypoint for Service cart'],
    ['HTTPRoute', [route, service()], 'Applied by nobody: Service cart uses no waypoint'],
    [
      'PeerAuthentication',
      [peer('mtls: { mode: STRICT }'), AMBIENT, deployment()],
      'Enforced by ztunnel at 1 workload',
    ],
    [
      'Deployment',
      [
        AMBIENT,
        deployment(),
        service(USES),
        waypoint('service'),
        policy(SELECTOR),
        policy(TARGET).replace('name: p', 'name: q'),
      ],
      'ztunnel: namespace shop is in ambient mode; 2 policies hold',
    ],
    [
      'Service',
      [AMBIENT, deployment(), service(USES), waypoint('service'), policy(TARGET)],
      'waypoint shop/waypoint; 1 policy names it',
    ],
    [
      'Service',
      [AMBIENT, deployment(), service(), policy(TARGET)],
      'No waypoint: only ztunnel judges; no policy names it',
    ],
  ])('%s %#', (kind, texts, expected) => {
    expect(explain(kind, ...texts).summary).toBe(expected);
  });

  test('ports of a PeerAuthentication need a selector', () => {
    const of = (spec: string) => explain('PeerAuthentication', peer(spec)).effects.map(({ effect }) => effect);
    expect(of('mtls: { mode: STRICT }, portLevelMtls: { 8080: { mode: PERMISSIVE } }')).toEqual(['kept', 'void']);
    expect(of(`mtls: { mode: STRICT }, portLevelMtls: { 8080: { mode: PERMISSIVE } }, ${SELECTOR}`)).toEqual([
      'kept',
      'kept',
    ]);
    expect(of('mtls: { mode: DISABLE }')).toEqual(['dropped']);
  });
});

describe('by hosts', () => {
  const routed = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: r, namespace: shop }
spec: { hosts: [cart], http: [{ route: [{ destination: { host: cart } }] }] }
`;
  const entry = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: pay, namespace: shop, labels: { ${USES} } }
spec: { hosts: [pay.example.com], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: DNS }
`;
  const forEntry = policy('targetRefs: [{ kind: ServiceEntry, group: networking.istio.io, name: pay }]');
  test.each([
    [
      'VirtualService',
      [routed, service(USES), waypoint('service')],
      'Applied by waypoint shop/waypoint for Service cart',
    ],
    ['VirtualService', [routed, service()], 'Applied by nobody: Service cart uses no waypoint'],
    ['ServiceEntry', [entry, waypoint('service'), forEntry], 'waypoint shop/waypoint; 1 policy names it'],
  ])('%s %#', (kind, texts, expected) => {
    expect(explain(kind, ...texts).summary).toBe(expected);
  });
});

describe('in a live mesh', () => {
  test('a waypoint that is not ready enforces nothing', () => {
    const texts = [policy(TARGET), service(USES), waypoint('service')];
    const { documents } = parseFile('f.yaml', texts.join('---\n'));
    const [document] = documents;
    const summary = (live: string) =>
      document && explainEnforcement(document, meshOf(documents, liveMeshOf(live)))?.summary;
    const status = (programmed: string) =>
      `${waypoint('service')}status: { addresses: [{ value: 10.0.0.1 }], conditions: [{ type: Programmed, status: "${programmed}", reason: Pending, message: no pod is ready, lastTransitionTime: "2026-01-01T00:00:00Z" }] }\n`;
    expect(summary(status('True'))).toBe('Enforced by waypoint shop/waypoint for Service cart');
    expect(summary(status('False'))).toBe(
      'Enforced by nobody: waypoint shop/waypoint is not ready (no pod is ready), so traffic goes direct',
    );
    expect(summary('')).toContain('the mesh does not have it yet');
  });

  const pod = (name: string, node: string, annotations: string) => `apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: shop
  labels: { app: cart }
  annotations: { ${annotations} }
  ownerReferences: [{ apiVersion: apps/v1, kind: ReplicaSet, name: cart-1, uid: r, controller: true }]
spec: { nodeName: ${node}, containers: [{ name: cart }] }
status: { phase: Running }
`;
  const set = `apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: cart-1
  namespace: shop
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: cart, uid: d, controller: true }]
spec: { template: { metadata: { labels: { app: cart } }, spec: { containers: [{ name: cart }] } } }
`;
  const CAPTURED = 'ambient.istio.io/redirection: enabled';

  test('pods count for their Deployment, and name the nodes', () => {
    const { summary, enforcers } = explain(
      'AuthorizationPolicy',
      policy(SELECTOR),
      AMBIENT,
      deployment(),
      set,
      pod('a', 'node-2', CAPTURED),
      pod('b', 'node-1', CAPTURED),
    );
    expect(summary).toBe('Enforced by ztunnel at 1 workload');
    expect(enforcers).toHaveLength(1);
    expect(enforcers[0]).toMatchObject({ nodes: ['node-1', 'node-2'], target: { kind: 'Deployment', name: 'cart' } });
    expect(enforcers[0]?.text).toContain('ztunnel on node node-1, node-2');
  });

  test('a Deployment is judged by its pods, and names their nodes', () => {
    const pods = (second: string): Enforcement =>
      explain('Deployment', AMBIENT, deployment(), set, pod('a', 'node-2', CAPTURED), pod('b', 'node-1', second));
    expect(pods(CAPTURED).summary).toBe(
      'ztunnel on node node-1, node-2: its traffic is redirected to ztunnel; no policy holds',
    );
    expect(pods('').summary).toBe(
      'nobody: of 1 of its 2 pods: its traffic is not redirected to ztunnel; no policy holds',
    );
  });

  test('a pod that is not captured is enforced by nobody, whatever the labels say', () => {
    const { enforcers } = explain(
      'AuthorizationPolicy',
      policy(SELECTOR),
      AMBIENT,
      deployment(),
      set,
      pod('a', 'n', CAPTURED),
      pod('b', 'n', ''),
    );
    expect(enforcers.map(({ by, text }) => `${by} ${text}`)).toEqual([
      'nobody nobody: of 1 of its 2 pods: its traffic is not redirected to ztunnel',
    ]);
  });
});

describe('places and words', () => {
  test('each effect stands on the line of what it is about', () => {
    const text = readFileSync(path.join(FIXTURES, 'l7-allow-loses-rules', 'bad.yaml'), 'utf8');
    const { effects } = explain('AuthorizationPolicy', text);
    const lines = text.split('\n');
    for (const { place, of } of effects)
      if (of === 'rule') expect(lines[place.line - 1]).toMatch(/^ +- (from|to|when):/);
  });

  test('the text of a workspace is not markup in a hover', () => {
    const { summary } = explain('AuthorizationPolicy', policy(TARGET).replaceAll('cart', '"[x](command:y) *z* <b>"'));
    expect(summary).toContain('[x](command:y) *z* <b>');
    expect(
      enforcementMarkdown(
        explain('AuthorizationPolicy', policy(TARGET).replaceAll('cart', '"[x](command:y) *z* <b>"')),
      ),
    ).not.toMatch(/[^\\][[<*](x|z|b)/);
  });

  test('every fixture can be explained', () => {
    for (const { file, text } of fixtures()) {
      const { documents } = parseFile(file, text);
      const mesh = meshOf(documents);
      for (const document of documents) {
        const enforcement = explainEnforcement(document, mesh);
        if (enforcement === undefined) continue;
        expect(enforcementText(enforcement)).toContain(enforcement.summary);
        for (const { place } of enforcement.effects) expect(place.line).toBeGreaterThan(0);
      }
    }
  });
});
