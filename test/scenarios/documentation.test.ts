import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { SCENARIOS } from './scenarios';

test('the table of docs/engines has every scenario, in its order', () => {
  const file = path.resolve(import.meta.dirname, '..', '..', 'docs', 'engines', 'README.md');
  const [, table = ''] = readFileSync(file, 'utf8').split('## What is proven on which');
  const rows = table.split('\n').filter((line) => line.startsWith('| '));
  expect(rows.slice(1).map((row) => row.split(' | ')[0]?.slice(2))).toEqual([...SCENARIOS]);
});
