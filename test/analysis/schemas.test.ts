import { describe, expect, test } from 'vitest';
import { availabilityOf, enumOf, ISTIO_VERSIONS, releaseOf, schemaAt, schemaOf } from '../../runtime/analysis/schemas';
import { parsePath } from '../../runtime/analysis/path';

const POLICY = ['security.istio.io', 'v1', 'AuthorizationPolicy'] as const;
const ROUTE = ['gateway.networking.k8s.io', 'v1', 'HTTPRoute'] as const;

describe('schemas', () => {
  test('are of the current and the two previous minor versions', () => {
    const numbers = ISTIO_VERSIONS.map((version) => Number(version.split('.')[1]));
    expect(numbers).toEqual([0, 1, 2].map((before) => (numbers[0] ?? 0) - before));
  });

  test.each([
    // path                                        type
    ['spec.rules[0].from[1].source.principals', 'array'],
    ['spec.rules[0].from[1].source.principals[0]', 'string'],
    ['spec.selector.matchLabels.app', 'string'],
    ['spec.rules[0].nothing', undefined],
    ['spec.rules[0].nothing.below', undefined],
    ['spec.rules.from', undefined],
    ['metadata.labels', 'object'],
  ])('a policy at %s has %s', (path, type) => {
    expect(schemaAt(...POLICY, parsePath(path))?.type).toBe(type);
  });

  test('tell the values of a field, without the empty one', () => {
    expect(enumOf(schemaAt(...POLICY, ['spec', 'action'])!)).toEqual(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']);
    expect(enumOf({ type: 'boolean' })).toEqual([true, false]);
    expect(enumOf({ type: 'string', enum: ['', 'a'] })).toEqual(['a']);
  });

  test('equal schemas of different versions are one object', () => {
    const [newest, oldest] = [releaseOf(ISTIO_VERSIONS[0]), releaseOf(ISTIO_VERSIONS.at(-1))];
    const at = (release: typeof newest) => schemaAt(...POLICY, parsePath('spec.targetRefs'), release);
    expect(newest.istio).not.toBe(oldest.istio);
    expect(at(newest)).toBe(at(oldest));
  });

  test('tell since when a field exists', () => {
    expect(availabilityOf(...POLICY, parsePath('spec.rules[0].from'))).toEqual({});
    expect(availabilityOf(...POLICY, parsePath('spec.rules[0].from[0].source.trustDomains'))).toEqual({
      istio: '1.30',
    });
    expect(availabilityOf(...ROUTE, parsePath('spec.rules[0].retry'))).toEqual({ experimental: true });
  });

  test('of a kind without definition pass everything but bad metadata', () => {
    expect(schemaOf('example.com', 'v1', 'Thing')['x-kubernetes-preserve-unknown-fields']).toBe(true);
  });
});
