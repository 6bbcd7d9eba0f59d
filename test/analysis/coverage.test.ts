import { expect, test } from 'vitest';
import { CATALOGUE } from '../../runtime/analysis/catalogue';
import { gaps, standings } from './coverage';
import { ISTIOCTL, KIALI } from './upstream-codes';

test('every code of Kiali and istioctl has a rule or a reason, and not both', () => {
  expect(KIALI).toHaveLength(73);
  expect(ISTIOCTL).toHaveLength(68);
  expect(gaps(standings(CATALOGUE.values()))).toEqual([]);
});

test('a code without either is told', () => {
  const [first] = standings([]).filter(({ code }) => code === 'IST0002');
  expect(first).toEqual({ code: 'IST0002', rules: [], reason: undefined });
  expect(gaps(first ? [first] : [])).toContain('IST0002: no rule, no reason');
});

test('a reason beside a rule is told', () => {
  const both = { code: 'IST0001', rules: ['AMB1001'], reason: 'Something.' };
  expect(gaps([both])).toContain('IST0001: AMB1001 covers it, so its reason is out of date');
});

test('every alias is an upstream code', () => {
  const known = new Set([...KIALI, ...ISTIOCTL].map(([code]) => code));
  for (const { code, aliases } of CATALOGUE.values())
    for (const alias of aliases) expect(known, `${code}: ${alias}`).toContain(alias);
});
