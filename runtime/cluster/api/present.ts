import { apiVersionOf } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { ageOf } from './age';
import type { Form } from './accept';
import { valuesAt } from './json-path';
import type { Column, ServedKind } from './served-kind';
import { builtinLayout, type TableColumn } from './table-columns';

/** What of an object a table's row carries. */
export type RowObject = 'None' | 'Metadata' | 'Object';

/** Objects as a client asked for them. */
export interface Presenter {
  one(object: KubeObject): unknown;
  list(objects: readonly KubeObject[], resourceVersion: number): unknown;
}

const NAME: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
};

/** Under the version that was asked for: all versions of a custom kind are the same object. */
export function inVersion<T extends KubeObject>(kind: ServedKind, object: T): T {
  const apiVersion = apiVersionOf(kind);
  return object.apiVersion === apiVersion && object.kind === kind.kind
    ? object
    : { ...object, apiVersion, kind: kind.kind };
}

function metadataOf(object: KubeObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function customCell({ type, jsonPath }: Column, object: KubeObject): unknown {
  const values = valuesAt(object, jsonPath);
  const [first] = values;
  if (first === undefined) return null;
  if (type === 'date') return ageOf(String(first));
  if (type === 'integer' || type === 'number' || type === 'boolean') return first;
  const text = values.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value)));
  return text.join(',');
}

function tablePresenter(kind: ServedKind, rowObject: RowObject): Presenter {
  const { custom } = kind;
  const layout = builtinLayout(kind);
  const columns: TableColumn[] = custom ? [NAME, ...custom.columns] : [...layout.columns];
  const columnDefinitions = columns.map(({ name, type, format, description, priority }) => ({
    name,
    type: type ?? 'string',
    format: format ?? '',
    description: description ?? '',
    priority: priority ?? 0,
  }));
  const row = (object: KubeObject): unknown => ({
    cells: custom
      ? [object.metadata.name, ...custom.columns.map((column) => customCell(column, object))]
      : layout.cells(object as never),
    ...(rowObject !== 'None' && {
      object: rowObject === 'Object' ? inVersion(kind, object) : metadataOf(object),
    }),
  });
  const table = (objects: readonly KubeObject[], resourceVersion: string | undefined): unknown => ({
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    columnDefinitions,
    rows: objects.map(row),
  });
  return {
    one: (object) => table([object], object.metadata.resourceVersion),
    list: (objects, resourceVersion) => table(objects, String(resourceVersion)),
  };
}

/** How to show objects of a kind in a form. */
export function presenterOf(kind: ServedKind, form: Form, rowObject: RowObject = 'Metadata'): Presenter {
  if (form === 'table') return tablePresenter(kind, rowObject);
  const metadata = form === 'metadata';
  const one = metadata ? metadataOf : (object: KubeObject): unknown => inVersion(kind, object);
  return {
    one,
    list: (objects, resourceVersion) => ({
      kind: metadata ? 'PartialObjectMetadataList' : `${kind.kind}List`,
      apiVersion: metadata ? 'meta.k8s.io/v1' : apiVersionOf(kind),
      metadata: { resourceVersion: String(resourceVersion) },
      items: objects.map(one),
    }),
  };
}
