import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contains, formatAddress, formatCidr, parseAddress, parseCidr } from '../../runtime/policy/address';

describe('an address', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['fd00:0:0:1::2', 'fd00:0:0:1::2'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['64:ff9b::10.1.2.3', '64:ff9b::a01:203'],
  ])('%s reads as %s', (text, expected) => {
    const bytes = parseAddress(text);
    expect(bytes && formatAddress(bytes)).toBe(expected);
  });

  test('is one exactly when Node says so', () => {
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc
        .array(fc.constantFrom('::', ':', '0', 'f', '1.2.3.4', '.', '256', '12345'), { maxLength: 12 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => (parseAddress(text) !== undefined) === (isIP(text) !== 0)),
      { numRuns: 5000 },
    );
  });
});

describe('a block', () => {
  test.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0/8', 'fd00::/129', '', '/', 'http'])(
    '%j is none',
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );

  test('holds its own address and keeps its spelling', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, length) => {
        const block = parseCidr(`${address}/${length}`)!;
        expect(contains(block, parseAddress(address)!)).toBe(true);
        expect(formatCidr(block)).toBe(`${address}/${length}`);
      }),
    );
  });
});
