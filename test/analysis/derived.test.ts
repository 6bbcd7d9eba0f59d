import { expect, test } from 'vitest';
import { Dependencies } from '../../runtime/analysis/dependencies';
import { parseFile } from '../../runtime/analysis/document';
import { DocumentIndex } from '../../runtime/analysis/document-index';
import { indexedMesh, type Mesh } from '../../runtime/analysis/workspace';

test('a value that rules share is worked out once, and again for all who asked once something in it changes', () => {
  const service = (file: string, name: string) =>
    parseFile(file, `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: a }\n`).documents;
  const index = new DocumentIndex();
  const dependencies = new Dependencies();
  const mesh = indexedMesh(index, () => 'ambient', dependencies);
  let runs = 0;
  const names = (from: Mesh): string[] => {
    runs += 1;
    return from.ofKind('/Service').map(({ name }) => name);
  };
  const readers = [1, 2].map(() => ({ reads: new Set<never>(), stale: true }));
  const ask = () => readers.map((reader) => dependencies.run(reader, () => mesh.derived(names)));

  index.replace('a.yaml', [], service('a.yaml', 'one'));
  expect(ask()).toEqual([['one'], ['one']]);
  expect(runs).toBe(1);

  dependencies.changed(index.replace('b.yaml', [], service('b.yaml', 'two')));
  expect(readers.map(({ stale }) => stale)).toEqual([true, true]);
  expect(ask()).toEqual([
    ['one', 'two'],
    ['one', 'two'],
  ]);
  expect(runs).toBe(2);
});
