import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuthorizationPolicy, AuthorizationRule } from '../../runtime/api/resources';
import { compileForWaypoint } from '../../runtime/policy/compile-for-waypoint';
import { compileForZtunnel } from '../../runtime/policy/compile-for-ztunnel';
import { decideConnection } from '../../runtime/policy/decide';
import { decideRequest } from '../../runtime/policy/decide-request';
import type { ConnectionFacts, Decision } from '../../runtime/policy/model';
import { effectsAtWaypoint, effectsAtZtunnel } from '../../runtime/policy/policy-effects';
import { anyFacts, anyPolicy } from './arbitraries';
import { MESH, policy, REQUEST } from './policies';

const principals = [{ source: { principals: ['a'] } }];
const methods = [{ operation: { methods: ['DELETE'] } }];
const short = (effects: readonly { effect: string; path: string; text: string }[]) =>
  effects.map(({ effect, path, text }) => `${effect} ${path}: ${text}`);

describe('at ztunnel (protocol reference 7.3)', () => {
  test.each<[string, NonNullable<AuthorizationPolicy['spec']>, string[]]>([
    [
      'as written',
      { rules: [{ from: principals }] },
      ['kept spec.rules[0]: Rule 1 stays as it is written: from principals a.'],
    ],
    [
      'ALLOW, every rule L7',
      { rules: [{ to: methods }] },
      [
        'dropped spec.rules[0]: Rule 1 is dropped: ztunnel cannot match methods. Whoever only this rule lets in is refused.',
        'void spec: No rule remains, and an ALLOW policy without rules lets nobody in: every connection is refused, unless another ALLOW policy lets it in.',
      ],
    ],
    [
      'ALLOW, some rules L7',
      { rules: [{ from: principals }, { from: principals, to: methods }] },
      [
        'kept spec.rules[0]: Rule 1 stays as it is written: from principals a.',
        'dropped spec.rules[1]: Rule 2 is dropped: ztunnel cannot match methods. Whoever only this rule lets in is refused.',
      ],
    ],
    [
      'DENY, L7 beside L4 in one clause',
      { action: 'DENY', rules: [{ to: [{ operation: { ports: ['80'], methods: ['GET'] } }] }] },
      [
        'widened spec.rules[0]: Rule 1 denies more than is written: ztunnel leaves methods out, and what remains is to ports 80.',
      ],
    ],
    [
      'DENY, a clause of L7 only',
      { action: 'DENY', rules: [{ from: principals, to: methods }, { from: principals }] },
      [
        'void spec.rules[0]: Rule 1 denies nothing: ztunnel cannot match methods, and a part of which nothing remains never holds.',
        'kept spec.rules[1]: Rule 2 stays as it is written: from principals a.',
      ],
    ],
    [
      'DENY, no rule can hold',
      { action: 'DENY', rules: [{ when: [{ key: 'connection.sni', values: ['a'] }] }] },
      [
        'void spec.rules[0]: Rule 1 denies nothing: ztunnel cannot match connection.sni, and a part of which nothing remains never holds.',
        'void spec: As a whole this policy denies nothing.',
      ],
    ],
    [
      'a value that cannot be read',
      { action: 'DENY', rules: [{ to: [{ operation: { ports: ['http', '80'] } }] }] },
      [
        'kept spec.rules[0]: Rule 1 stays as it is written: to ports http | 80.',
        'dropped spec.rules[0].to[0].operation.ports[0]: "http" is not a port number, so ztunnel leaves it out.',
      ],
    ],
    ['DENY without rules', { action: 'DENY' }, ['void spec: A DENY policy without rules denies nothing.']],
    ['ALLOW without rules', {}, ['kept spec: An ALLOW policy without rules lets nobody in: everything is denied.']],
    [
      'CUSTOM',
      { action: 'CUSTOM', rules: [{}] },
      ['void spec.action: ztunnel does not support the action CUSTOM: without a waypoint nobody enforces this policy.'],
    ],
    ['targetRefs', { targetRefs: [{ kind: 'Service', name: 's' }], rules: [{}] }, []],
  ])('%s', (_, spec, expected) => {
    expect(short(effectsAtZtunnel(policy(spec), MESH))).toEqual(expected);
  });

  test('dry run', () => {
    const dry = policy({ rules: [{}] }, { annotations: { 'istio.io/dry-run': 'true' } });
    expect(short(effectsAtZtunnel(dry, MESH))).toEqual([
      'void metadata.annotations: Dry run: ztunnel does not get this policy, so nothing is enforced.',
    ]);
  });
});

describe('at a waypoint', () => {
  const at = (action: 'ALLOW' | 'DENY', rule: AuthorizationRule, onTcp = false) =>
    effectsAtWaypoint(policy({ action, targetRefs: [{ kind: 'Service', name: 's' }], rules: [rule] }), { onTcp }).map(
      ({ effect, path }) => `${effect} ${path}`,
    );
  test.each<[string, string[], string[]]>([
    ['HTTP fields stay', at('ALLOW', { to: methods }), ['kept spec.rules[0]']],
    [
      'on TCP an ALLOW with HTTP fields lets nobody in',
      at('ALLOW', { to: methods }, true),
      ['void spec.rules[0]', 'void spec'],
    ],
    ['on TCP a DENY loses its HTTP fields', at('DENY', { to: methods }, true), ['widened spec.rules[0]']],
    [
      'an ALLOW loses a rule with a value that cannot be read',
      at('ALLOW', { to: [{ operation: { ports: ['http'] } }] }),
      ['dropped spec.rules[0]', 'dropped spec.rules[0].to[0].operation.ports[0]', 'void spec'],
    ],
    [
      'a DENY only the value',
      at('DENY', { to: [{ operation: { ports: ['http'] } }] }),
      ['kept spec.rules[0]', 'dropped spec.rules[0].to[0].operation.ports[0]'],
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe('what is told of a rule is what ztunnel does with it', () => {
  const atZtunnel = (written: AuthorizationPolicy, facts: ConnectionFacts): Decision['verdict'] => {
    const outcome = compileForZtunnel(written, MESH);
    return decideConnection(outcome.kind === 'sent' ? [outcome.authorization] : [], facts).verdict;
  };
  const atWaypoint = (
    written: AuthorizationPolicy,
    facts: ConnectionFacts & { method?: string },
  ): Decision['verdict'] => {
    const targeted = {
      ...written,
      spec: { ...written.spec, selector: undefined, targetRefs: [{ kind: 'Service', name: 's' }] },
    };
    return decideRequest([compileForWaypoint(targeted)], { ...REQUEST, ...facts }).verdict;
  };
  const rulesThat = (written: AuthorizationPolicy, ...effects: string[]): AuthorizationPolicy => {
    const chosen = new Set(
      effectsAtZtunnel(written, MESH).flatMap(({ effect, path }) => (effects.includes(effect) ? [path] : [])),
    );
    const rules = written.spec?.rules?.filter((_, index) => chosen.has(`spec.rules[${index}]`));
    return { ...written, spec: { ...written.spec, rules } };
  };

  test('rules that are dropped or void could as well be missing', () => {
    fc.assert(
      fc.property(anyPolicy, anyFacts, (written, facts) => {
        expect(atZtunnel(rulesThat(written, 'kept', 'widened'), facts)).toBe(atZtunnel(written, facts));
      }),
      { numRuns: 2000 },
    );
  });

  const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });
  /** Every value can be read, so that ztunnel and waypoint differ by what ztunnel cannot match alone. */
  const readable = fc.record({
    action: fc.constantFrom('ALLOW' as const, 'DENY' as const),
    rules: fc.array(
      fc.record(
        {
          from: fc.tuple(fc.record({ source: fc.record({ namespaces: some('a', 'web') }) })),
          to: fc.tuple(
            fc.record({
              operation: fc.record({ ports: some('80', '8080'), methods: some('GET', 'PUT') }, { requiredKeys: [] }),
            }),
          ),
        },
        { requiredKeys: [] },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  });

  test('a rule that stays decides as at a waypoint, and a widened DENY denies at least as much', () => {
    fc.assert(
      fc.property(readable, anyFacts, fc.constantFrom('GET', 'PUT', 'POST'), (spec, facts, method) => {
        const written = policy(spec);
        const kept = rulesThat(written, 'kept');
        expect(atZtunnel(kept, facts)).toBe(atWaypoint(kept, { ...facts, method }));
        const widened = rulesThat(written, 'widened');
        if (spec.action === 'DENY' && atWaypoint(widened, { ...facts, method }) === 'deny')
          expect(atZtunnel(widened, facts)).toBe('deny');
      }),
      { numRuns: 1000 },
    );
  });
});
