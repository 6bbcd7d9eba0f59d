// No false alarm: what others wrote and run gives no error and no warning, but for the true findings that are listed.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyze } from '../../runtime/analysis/analyze';
import type { Diagnostic } from '../../runtime/analysis/diagnostic';
import { parseFile, type ParsedFile } from '../../runtime/analysis/document';
import { goModule } from '../peers/go-module';
import { TRUE_FINDINGS } from './true-findings';

const root = path.join(import.meta.dirname, '..', '..');
/** Unmodified files, read where they are published; the Gateway API in the version of our newest schemas. */
const COLLECTIONS: Readonly<Record<string, () => string>> = {
  bookshop: () => path.join(root, 'runtime', 'apps', 'manifests'),
  'our own components': () => path.join(root, 'runtime', 'engine', 'manifests'),
  'istio.io/istio/samples': () => path.join(goModule('istio.io/istio'), 'samples'),
  'sigs.k8s.io/gateway-api/examples': () => path.join(goModule('sigs.k8s.io/gateway-api@v1.6.3'), 'examples'),
};

function read(folder: string): ParsedFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => parseFile(name, readFileSync(path.join(folder, name), 'utf8')));
}

function alarms(files: readonly ParsedFile[]): string[] {
  return analyze(files)
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ code, file, line, message }: Diagnostic) => `${file}:${line} ${code} ${message}`);
}

describe.each(Object.keys(COLLECTIONS))('%s', (name) => {
  const files = read(COLLECTIONS[name]!());
  const expected = TRUE_FINDINGS.filter(({ collection }) => collection === name).map(
    ({ file, line, code }) => `${file}:${line} ${code}`,
  );
  const folders = new Set(files.map(({ source }) => path.dirname(source.file)));
  // A workspace may be one file, one folder or everything.
  const ways: Readonly<Record<string, readonly (readonly ParsedFile[])[]>> = {
    'each file alone': files.map((file) => [file]),
    'each folder alone': [...folders].map((folder) =>
      files.filter(({ source }) => path.dirname(source.file) === folder),
    ),
    'all together': [files],
  };

  test('has objects', () => expect(files.flatMap(({ documents }) => documents).length).toBeGreaterThan(5));

  test.each(Object.keys(ways))('%s', (way) => {
    const unexpected = ways[way]!.flatMap(alarms).filter(
      (alarm) => !expected.some((known) => alarm.startsWith(`${known} `)),
    );
    expect(unexpected).toEqual([]);
  });

  test('what is listed is still found', () => {
    const found = Object.values(ways).flat().flatMap(alarms);
    expect(expected.filter((known) => !found.some((alarm) => alarm.startsWith(`${known} `)))).toEqual([]);
  });
});

test('what is wrong on purpose is not silent', () => {
  const folder = path.join(goModule('sigs.k8s.io/gateway-api@v1.6.3'), 'hack', 'invalid-examples', 'standard');
  expect(alarms(read(folder)).length).toBeGreaterThan(2);
});

test('each listed finding has its reason', () => {
  for (const { reason } of TRUE_FINDINGS) expect(reason).toMatch(/.{20,}/);
});
