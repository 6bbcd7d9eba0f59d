import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../runtime/routing/pattern';

const matches = (pattern: string, text: string) => {
  const compiled = compilePattern(pattern);
  return typeof compiled === 'function' ? compiled(text) : compiled.refused;
};

describe('a pattern', () => {
  test.each([
    ['', '', true],
    ['', 'a', false],
    ['a|b', 'b', true],
    ['a|b', 'ab', false],
    ['/v\\d+/.*', '/v12/x', true],
    ['(?:a|b)c', 'bc', true],
    ['(?P<name>a)(?<other>b)', 'ab', true],
    ['[^/]+', 'a/b', false],
    ['[a-c\\d_-]*', 'a1_-c', true],
    ['[]a]', ']', true],
    ['\\w{2,3}', 'abcd', false],
    ['a{2}', 'aa', true],
    ['a{2,}', 'aaaa', true],
    ['a{,2}', 'a{,2}', true],
    ['(a*)*', 'aaa', true],
    ['(|a)+b', 'aab', true],
    ['^a$', 'a', true],
    ['a^b', 'ab', false],
    ['a+?', 'aaa', true],
    ['.', '\n', false],
    ['.', '😀', true],
    ['\\x41\\.', 'A.', true],
    ['(?i)Chrome.*', 'cHROMe/1', true],
    ['(?i)[a-z]+', 'ABC', true],
  ])('%s on %j: %s', (pattern, text, expected) => expect(matches(pattern, text)).toBe(expected));

  test.each([
    '(',
    ')',
    'a)',
    '(?=a)',
    '(?<=a)b',
    '(a)\\1',
    '[z-a]',
    '[a',
    'a{2,1}',
    'a{1001}',
    '*',
    'a**',
    '\\',
    '\\p{L}',
    '(((a{99}){99}){99})',
  ])('%s is refused', (pattern) => expect(matches(pattern, 'a')).toBeTypeOf('string'));

  test('agrees with JavaScript', () => {
    const { pattern } = fc.letrec<{ pattern: string; atom: string }>((tie) => ({
      atom: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '^', '$'),
        tie('pattern').map((inside) => `(${inside})`),
      ),
      pattern: fc
        .array(
          fc.tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '|')).map(([atom, after]) =>
            // JavaScript does not repeat an anchor.
            /^[\^$]$/.test(atom) && after !== '|' ? atom : atom + after,
          ),
          { maxLength: 4 },
        )
        .map((parts) => parts.join('')),
    }));
    const text = fc.array(fc.constantFrom('a', 'b', '1'), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        expect(matches(source, subject)).toBe(new RegExp(`^(?:${source})$`).test(subject));
      }),
      { numRuns: 3000 },
    );
  });

  test('takes time in step with the text, whatever the pattern', () => {
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', 'a*a*a*a*b', '.*.*.*.*x', '(.*a){20}b', '(a?){50}a{50}']) {
      const begin = performance.now();
      expect(matches(pattern, 'a'.repeat(4000))).toBe(false);
      expect(performance.now() - begin).toBeLessThan(1000);
    }
  });
});
