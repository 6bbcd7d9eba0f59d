import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { rulePages } from './documentation';

const folder = path.join(import.meta.dirname, '..', '..', 'docs', 'rules');

test('docs/rules is what the catalogue and the fixtures give; UPDATE=1 writes it', () => {
  const pages = rulePages();
  if (process.env['UPDATE'] === '1') {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of pages) writeFileSync(path.join(folder, name), text);
  }
  expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
  for (const [name, text] of pages) expect(readFileSync(path.join(folder, name), 'utf8'), name).toBe(text);
});
