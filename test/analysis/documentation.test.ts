import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { rulePages, ruleNames } from './documentation';

const root = path.join(import.meta.dirname, '..', '..');
const folder = path.join(root, 'docs', 'rules');

test('docs/rules is what the catalogue and the fixtures give; UPDATE=1 writes it', () => {
  const pages = rulePages();
  if (process.env['UPDATE'] === '1') {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of pages) writeFileSync(path.join(folder, name), text);
  }
  expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
  for (const [name, text] of pages) expect(readFileSync(path.join(folder, name), 'utf8'), name).toBe(text);
});

test('the setting for severities lists the catalogue; UPDATE=1 writes it', () => {
  const file = path.join(root, 'package.json');
  const text = readFileSync(file, 'utf8');
  const manifest = JSON.parse(text) as Manifest;
  const setting = manifest.contributes.configuration.properties['ambient.analysis.rules'];
  if (process.env['UPDATE'] === '1') {
    Object.assign(setting ?? {}, { propertyNames: ruleNames() });
    writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
  expect(setting?.propertyNames).toEqual(ruleNames());
});

interface Manifest {
  readonly contributes: {
    readonly configuration: { readonly properties: Readonly<Record<string, { propertyNames?: object }>> };
  };
}
