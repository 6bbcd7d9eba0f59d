import { describe, expect, test } from 'vitest';
import { applyJsonPatch } from '../../../runtime/cluster/api/json-patch';
import { applyMergePatch } from '../../../runtime/cluster/api/merge-patch';
import { applyStrategicMerge } from '../../../runtime/cluster/api/strategic-merge';
import { SCHEMA_REF } from '../../../runtime/cluster/schema/builtin';
import { changes, difference, fieldsOf, intersection, union } from '../../../runtime/cluster/schema/field-set';
import { overlay, without } from '../../../runtime/cluster/schema/merge';
import { parseFieldSelector, parseLabelSelector } from '../../../runtime/cluster/store/selectors';
import type { KubeObject } from '../../../runtime/api/resources';

const POD_SPEC = { $ref: `${SCHEMA_REF}core.v1.PodSpec` };

describe('JSON patch', () => {
  test.each([
    [{ a: [1, 2] }, [{ op: 'add', path: '/a/1', value: 9 }], { a: [1, 9, 2] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [{ 'x/y': 1, 'm~n': 2 }, [{ op: 'remove', path: '/x~1y' }], { 'm~n': 2 }],
    [{ a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    [{ a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      { a: 1 },
      [
        { op: 'test', path: '/a', value: 1 },
        { op: 'replace', path: '/a', value: 2 },
      ],
      { a: 2 },
    ],
  ])('%j with %j', (target, patch, expected) => {
    expect(applyJsonPatch(structuredClone(target), patch)).toEqual(expected);
  });

  test.each([
    [{ a: 1 }, [{ op: 'test', path: '/a', value: 2 }]],
    [{}, [{ op: 'remove', path: '/a' }]],
    [{}, [{ op: 'replace', path: '/a', value: 1 }]],
    [{ a: [] }, [{ op: 'add', path: '/a/5', value: 1 }]],
    [{}, [{ op: 'add', path: '/__proto__/polluted', value: 1 }]],
    [{}, [{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }]],
  ])('%j with %j is refused', (target, patch) => {
    expect(() => applyJsonPatch(structuredClone(target), patch)).toThrow();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

test('merge patch removes by null, merges maps and replaces lists', () => {
  const target = { a: 1, b: { c: 1, d: 2 }, l: [1, 2] };
  expect(applyMergePatch(target, { a: null, b: { c: null, e: { f: null } }, l: [3] })).toEqual({
    b: { d: 2, e: {} },
    l: [3],
  });
});

describe('strategic merge', () => {
  const spec = {
    containers: [
      { name: 'a', image: '1', env: [{ name: 'X', value: '1' }], args: ['p', 'q'] },
      { name: 'b', image: '1' },
    ],
    volumes: [{ name: 'v', configMap: { name: 'c' } }],
  };
  test.each([
    [
      'merges an item by its key',
      { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] },
      (result: typeof spec) => result.containers[0]?.env,
      [
        { name: 'X', value: '1' },
        { name: 'Y', value: '2' },
      ],
    ],
    [
      'replaces a list without a key',
      { containers: [{ name: 'a', args: ['r'] }] },
      (result: typeof spec) => result.containers[0]?.args,
      ['r'],
    ],
    [
      'deletes an item',
      { containers: [{ name: 'b', $patch: 'delete' }] },
      (result: typeof spec) => result.containers.map(({ name }) => name),
      ['a'],
    ],
    [
      'orders items',
      { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] },
      (result: typeof spec) => result.containers.map(({ name }) => name),
      ['b', 'a'],
    ],
    [
      'replaces a whole list',
      { containers: [{ $patch: 'replace' }, { name: 'z' }] },
      (result: typeof spec) => result.containers,
      [{ name: 'z' }],
    ],
    [
      'keeps only some keys',
      { volumes: [{ name: 'v', $retainKeys: ['name', 'emptyDir'], emptyDir: {} }] },
      (result: typeof spec) => result.volumes,
      [{ name: 'v', emptyDir: {} }],
    ],
  ])('%s', (_what, patch, pick, expected) => {
    expect(pick(applyStrategicMerge(spec, patch, POD_SPEC) as typeof spec)).toEqual(expected);
  });
});

describe('field sets', () => {
  const value = { containers: [{ name: 'a', image: '1', args: ['x'] }], nodeSelector: { os: 'linux' } };
  const item = 'k:{"name":"a"}';
  const set = {
    'f:containers': { [item]: { '.': {}, 'f:name': {}, 'f:image': {}, 'f:args': {} } },
    // An atomic map is one field.
    'f:nodeSelector': {},
  };

  test('name the items of map lists, and take atomic values whole', () => {
    expect(fieldsOf(value, POD_SPEC)).toEqual(set);
  });

  test('union, difference and intersection are those of sets', () => {
    const image = { 'f:containers': { [item]: { 'f:image': {} } } };
    expect(intersection(set, image)).toEqual(image);
    const rest = difference(set, image);
    expect(rest['f:containers']?.[item]).toEqual({ '.': {}, 'f:name': {}, 'f:args': {} });
    expect(union(rest, image)).toEqual(set);
    expect(difference(set, set)).toEqual({});
  });

  test('changes tell what is new and what is gone', () => {
    const next = { containers: [{ name: 'a', image: '2' }] };
    expect(changes(value, next, POD_SPEC)).toEqual({
      changed: { 'f:containers': { [item]: { 'f:image': {} } } },
      removed: { 'f:containers': { [item]: { 'f:args': {} } }, 'f:nodeSelector': {} },
    });
  });

  test('overlay keeps what is not applied, without takes items with all they have', () => {
    const live = {
      containers: [
        { name: 'a', image: '1' },
        { name: 'b', image: '1', imagePullPolicy: 'Always' },
      ],
    };
    const applied = { containers: [{ name: 'c' }, { name: 'a', image: '2' }] };
    expect(overlay(live, applied, POD_SPEC)).toEqual({
      containers: [{ name: 'a', image: '2' }, live.containers[1], { name: 'c' }],
    });
    const gone = { 'f:containers': { 'k:{"name":"b"}': { '.': {}, 'f:name': {}, 'f:image': {} } } };
    expect(without(live, gone, POD_SPEC)).toEqual({ containers: [live.containers[0]] });
  });
});

describe('selectors', () => {
  const object: KubeObject = {
    metadata: { name: 'n', namespace: 's', labels: { app: 'web', tier: 'front', 'a.b/c': '' } },
  };
  test.each([
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (web,api),!gone', true],
    ['tier notin (front)', false],
    ['a.b/c', true],
    ['a.b/c=', true],
    ['gone notin (x)', true],
    ['app', true],
    ['!app', false],
  ])('%s: %j', (text, expected) => {
    expect(parseLabelSelector(text)(object)).toBe(expected);
  });
  test.each([
    ['metadata.name=n', true],
    ['metadata.name!=n', false],
    ['metadata.namespace=s,metadata.name==n', true],
  ])('%s: %j', (text, expected) => {
    expect(parseFieldSelector(text)(object)).toBe(expected);
  });
  test('what a kind cannot be selected by is refused', () => {
    expect(() => parseFieldSelector('spec.x=1')).toThrow('field label not supported: spec.x');
    expect(() => parseLabelSelector('a b')).toThrow('unable to parse requirement');
  });
});
