import { describe, expect, test } from 'vitest';
import { Dependencies } from '../../runtime/analysis/dependencies';
import { parseFile } from '../../runtime/analysis/document';
import { DocumentIndex } from '../../runtime/analysis/document-index';
import { indexedMesh, type Mesh } from '../../runtime/analysis/workspace';

const service = (file: string, name: string, port = 80) =>
  parseFile(
    file,
    `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: a }\nspec: { ports: [{ port: ${port} }] }\n`,
  ).documents;

/** A mesh, readers that ask it, and what has become stale after an edit. */
function stage<T>(compute: (mesh: Mesh) => T, ...asks: ((value: T) => unknown)[]) {
  const index = new DocumentIndex();
  const dependencies = new Dependencies();
  const mesh = indexedMesh(index, () => 'ambient', dependencies);
  let runs = 0;
  const counted = (from: Mesh): T => {
    runs += 1;
    return compute(from);
  };
  const readers = asks.map((ask) => ({ ask, reads: new Set<never>(), stale: true }));
  return {
    put: (file: string, name: string, port?: number) =>
      dependencies.changed(
        index.replace(
          file,
          index.list('/Service').filter((one) => one.source.file === file),
          service(file, name, port),
        ),
      ),
    ask: () => readers.map((reader) => dependencies.run(reader, () => reader.ask(mesh.derived(counted)))),
    stale: () => readers.map(({ stale }) => stale),
    runs: () => runs,
  };
}

describe('a value that rules share', () => {
  test('is worked out once for all who ask, and again when something in it changes', () => {
    const names = stage(
      (mesh) => mesh.ofKind('/Service').map(({ name }) => name),
      (all) => all,
      (all) => all.length,
    );
    names.put('a.yaml', 'one');
    expect(names.ask()).toEqual([['one'], 1]);
    expect(names.runs()).toBe(1);
    names.put('b.yaml', 'two');
    expect(names.stale()).toEqual([true, true]);
    expect(names.ask()).toEqual([['one', 'two'], 2]);
    expect(names.runs()).toBe(2);
  });

  test('concerns nobody when it comes out the same', () => {
    const names = stage(
      (mesh) => mesh.ofKind('/Service').map(({ name }) => name),
      (all) => all,
    );
    names.put('a.yaml', 'one');
    names.ask();
    names.put('a.yaml', 'one', 81);
    expect(names.stale()).toEqual([false]);
  });

  test.each([
    ['a Map', (mesh: Mesh) => new Map(mesh.ofKind('/Service').map((one) => [one.name, one.source.file]))],
    ['a Set', (mesh: Mesh) => new Set(mesh.ofKind('/Service').map(({ name }) => name))],
  ])('concerns of %s those who asked for an entry that changes', (_, compute) => {
    const all = stage<ReadonlyMap<string, unknown> | ReadonlySet<string>>(
      compute,
      (value) => value.has('one'),
      (value) => value.has('two'),
      (value) => value.size,
    );
    all.put('a.yaml', 'one');
    expect(all.ask()).toEqual([true, false, 1]);
    all.put('b.yaml', 'two');
    expect(all.stale()).toEqual([false, true, true]);
    expect(all.ask()).toEqual([true, true, 2]);
  });

  test('may be a record of such', () => {
    const parts = stage(
      (mesh) => {
        const names = mesh.ofKind('/Service').map(({ name }) => name);
        return { byName: new Map(names.map((name) => [name, name])), long: names.filter((name) => name.length > 3) };
      },
      ({ byName }) => byName.get('one'),
      ({ long }) => long,
    );
    parts.put('a.yaml', 'one');
    expect(parts.ask()).toEqual(['one', []]);
    parts.put('b.yaml', 'two');
    expect(parts.stale()).toEqual([false, false]);
    parts.put('b.yaml', 'three');
    expect(parts.stale()).toEqual([true, true]);
  });
});
