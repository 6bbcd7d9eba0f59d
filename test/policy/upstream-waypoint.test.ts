// Upstream's policies and the Envoy configuration that istiod makes of them, from the Go module that test/peers/istioctl
// pins: on any request, our conditions and decisions have to agree with that configuration.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { AuthorizationPolicy } from '../../runtime/api/resources';
import { compileForWaypoint } from '../../runtime/policy/compile-for-waypoint';
import { know } from '../../runtime/policy/decide';
import { decideRequest, decideTcp } from '../../runtime/policy/decide-request';
import type { RequestFacts } from '../../runtime/policy/model';
import { goModule } from '../peers/go-module';
import { applies, conditionsOf, holds } from './envoy-rbac';

const module = goModule('istio.io/istio');
const folder = path.join(module, 'pilot/pkg/security/authz/builder/testdata');

type Rbac = {
  action?: string;
  policies?: Record<string, { permissions: Record<string, unknown>[]; principals: Record<string, unknown>[] }>;
};

const policiesOf = (name: string) =>
  parseAllDocuments(readFileSync(path.join(folder, `${name}-in.yaml`), 'utf8'))
    .map((document) => document.toJS() as AuthorizationPolicy | null)
    .filter((policy) => policy !== null)
    .map((policy) =>
      compileForWaypoint({
        ...policy,
        spec: { ...policy.spec, selector: undefined, targetRefs: [{ kind: 'Service', name: 's' }] },
      }),
    );
const filtersOf = (name: string, outs: readonly string[]) =>
  outs.map((out) => {
    const filter = parse(readFileSync(path.join(folder, `${name}-${out}.yaml`), 'utf8')) as {
      typedConfig: { rules?: Rbac };
    };
    return filter.typedConfig.rules ?? {};
  });

/** Values around those that the policies name, so that each condition is met and missed. */
const near = (...values: string[]) =>
  fc.constantFrom(
    ...values,
    ...values.flatMap((value) => [
      `not-${value}`,
      `${value}-x`,
      `x-${value}`,
      `${value}-prefix-x`,
      `x-suffix-${value}`,
    ]),
  );
const port = fc.constantFrom(80, 90, 91, 8000, 8080, 800, 900, 9001, 443);
const ip = fc.constantFrom(
  '1.2.3.4',
  '5.6.7.8',
  '2.2.3.4',
  '6.6.7.8',
  '10.10.10.10',
  '192.168.10.9',
  '90.10.10.10',
  '9.0.0.1',
  '172.18.5.1',
  '10.1.2.3',
  '0.0.0.1',
);
const account = fc.tuple(
  near('ns', 'my-ns', 'foo', 'ns-1', 'ns-2', 'ns-prefix', 'ns-suffix'),
  near('sa', 'my-sa', 'sa-only', 'principal-suffix', 'suffix-principal'),
);
const anyRequest: fc.Arbitrary<RequestFacts & { sni?: string }> = fc.record({
  identity: fc.option(
    account.map(([ns, sa]) => `spiffe://td/ns/${ns}/sa/${sa}`),
    { nil: undefined },
  ),
  sourceIp: ip,
  destinationIp: ip,
  destinationPort: port,
  method: near('GET', 'POST', 'method', 'simple-method'),
  path: fc.oneof(
    near('/exact', '/prefix/', '/suffix', '/simple-path').map((each) => (each.startsWith('/') ? each : `/${each}`)),
    fc.constantFrom(
      '/path/template/a',
      '/path/template/a/b',
      '/a/b/path/template',
      '/path/template',
      '/',
      '/not/path/template/a',
    ),
  ),
  host: near('exact.com', 'EXACT.com', 'a.suffix.com', 'prefix.a', 'simple-host', 'exact.com:80'),
  headers: fc.record(
    { 'x-header': near('header', 'header-prefix', 'simple-header'), 'X-other': near('a') },
    { requiredKeys: [] },
  ),
  sni: fc.option(near('exact.com', 'a.suffix.com', 'prefix.a'), { nil: undefined }),
});
const samples = fc.sample(anyRequest, { numRuns: 1000, seed: 7 });

const CASES: [string, string[]][] = [
  ['http/allow-empty-rule', ['out']],
  ['http/allow-full-rule', ['out']],
  ['http/allow-nil-rule', ['out']],
  ['http/allow-path', ['out']],
  ['http/deny-and-allow', ['out1', 'out2']],
  ['http/deny-empty-rule', ['out']],
  ['http/multiple-policies', ['out']],
  ['http/simple-policy-principal-with-wildcard', ['out']],
  ['http/single-policy', ['out']],
  ['tcp/allow-both-http-tcp', ['out']],
  ['tcp/allow-only-http', ['out']],
  ['tcp/deny-both-http-tcp', ['out']],
];

describe.each(CASES)('%s', (name, outs) => {
  const tcp = name.startsWith('tcp/');
  const compiled = policiesOf(name);
  const filters = filtersOf(name, outs);

  test('decides as Envoy would', () => {
    for (const facts of samples) {
      const passes = filters.every(({ action = 'ALLOW', policies = {} }) => {
        const any = Object.values(policies).some((policy) => applies(policy, facts));
        return action === 'DENY' ? !any : any;
      });
      const { verdict } = tcp ? decideTcp(compiled, facts) : decideRequest(compiled, facts);
      expect({ facts, verdict }).toEqual({ facts, verdict: passes ? 'allow' : 'deny' });
    }
  });

  // Whole rules of these files rarely match (they deny what they allow), so each condition is compared alone.
  if (!tcp) {
    test('has the same conditions in each rule', () => {
      for (const [key, policy] of filters.flatMap(({ policies = {} }) => Object.entries(policies))) {
        const [, namespace, policyName, index] = /^ns\[(.*)\]-policy\[(.*)\]-rule\[(\d+)\]$/.exec(key)!;
        const rule = compiled
          .find((each) => each.key === `${namespace}/${policyName}`)
          ?.rules.find(({ source }) => source === Number(index));
        const envoys = conditionsOf(policy).filter(
          (condition) => !('any' in condition) && !JSON.stringify(condition).includes('"filter":"envoy.filters.a.b"'),
        );
        if (rule === undefined) {
          // Either a condition that we do not know, or how istiod writes that a policy has no rule.
          expect(JSON.stringify(policy)).toMatch(/envoy\.filters\.a\.b|"principals":\[\{"notId":\{"any":true/);
          continue;
        }
        const ours = rule.clauses.flatMap(({ alternatives }) => alternatives.flat());
        // As a set: istiod repeats the conditions of `when` for each alternative.
        const outcomes = (tests: ((facts: (typeof samples)[number]) => boolean)[]) =>
          [...new Set(tests.map((each) => samples.map((facts) => (each(facts) ? '1' : '0')).join('')))].sort();
        expect(
          outcomes(
            ours.map(
              ({ test }) =>
                (facts) =>
                  test({ ...know(facts), sni: facts.sni, http: { ...facts, host: facts.host.toLowerCase() } }),
            ),
          ),
        ).toEqual(outcomes(envoys.map((condition) => (facts) => holds(condition, facts))));
      }
    });
  }
});
