import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPath, normalizePath } from '../../runtime/waypoint/request-path';

test.each([
  ['/', '/'],
  ['*', '*'],
  ['/a//b', '/a//b'],
  ['/a/./b/../c', '/a/c'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/../../a', '/a'],
  ['/a/%2e%2E/b', '/b'],
  ['/%61%2f%7e', '/a%2F~'],
  ['/a\\..\\b', '/b'],
  ['/...', '/...'],
  ['/a?b=../c%2e', '/a?b=../c%2e'],
  ['http://host:80/a/../b', '/b'],
  ['http://host', '/'],
])('%s is sent on as %s', (target, expected) => {
  const path = normalizePath(target);
  expect(path && formatPath(path)).toBe(expected);
});

test.each(['', 'a', '/a#b', '/%00', '/%', '/%4', '/%zz', '//host\0'])('%j is refused', (target) => {
  expect(normalizePath(target)).toBeUndefined();
});

test('what was normalised stays as it is, and no dot segment is left', () => {
  const piece = fc.constantFrom('/', '.', '..', '%2e', '%2E', '%2f', '\\', 'a', '%61', '%25', '~');
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const once = normalizePath(`/${pieces.join('')}`);
      expect(once).toBeDefined();
      const { path } = once ?? { path: '' };
      expect(normalizePath(path)?.path).toBe(path);
      expect(path.split('/')).not.toContain('..');
    }),
  );
});
