import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { SCHEMAS, generateSchemas } from './generate-schemas.mjs';

const hasGo = spawnSync('go', ['version']).status === 0;

test.skipIf(!hasGo)('the schemas of the built-in kinds are those of the Go types', { timeout: 300_000 }, () => {
  expect(JSON.parse(readFileSync(SCHEMAS, 'utf8'))).toEqual(JSON.parse(generateSchemas()));
});
