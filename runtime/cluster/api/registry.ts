import type { CustomResourceDefinition } from '../../api/crds';
import { KIND } from '../../api/kinds';
import type { Store, StoreEvent } from '../store/store';
import { BUILTIN_KINDS, REVIEW_KINDS } from './builtin-kinds';
import type { Column, ServedKind } from './served-kind';

const AGE: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const resourceKey = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;

/** The kinds that are served now: the built-in ones and those of the CustomResourceDefinitions. */
export class Registry implements Disposable {
  readonly #kinds = new Map<string, ServedKind>();
  readonly #watch: Disposable;
  /** Counts changes, so that documents made from the kinds can be kept until the next one. */
  generation = 0;

  constructor(store: Store) {
    for (const kind of [...BUILTIN_KINDS, ...REVIEW_KINDS]) this.#put(kind);
    for (const definition of store.list<CustomResourceDefinition>(KIND.CustomResourceDefinition)) this.#add(definition);
    this.#watch = store.watch<CustomResourceDefinition>(KIND.CustomResourceDefinition, (event) => this.#on(event));
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#kinds.get(resourceKey(group, version, plural));
  }

  findKind(group: string, version: string, kind: string): ServedKind | undefined {
    return this.all().find((served) => served.group === group && served.version === version && served.kind === kind);
  }

  all(): ServedKind[] {
    return [...this.#kinds.values()];
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #put(kind: ServedKind): void {
    this.#kinds.set(resourceKey(kind.group, kind.version, kind.plural), kind);
  }

  #on({ type, object, previous }: StoreEvent<CustomResourceDefinition>): void {
    if (previous !== undefined) this.#remove(previous);
    if (type !== 'DELETED') this.#add(object);
  }

  #remove({ spec }: CustomResourceDefinition): void {
    for (const { name } of spec.versions) this.#kinds.delete(resourceKey(spec.group, name, spec.names.plural));
    this.generation++;
  }

  #add(definition: CustomResourceDefinition): void {
    for (const kind of servedKinds(definition)) this.#put(kind);
    this.generation++;
  }
}

/** The kinds of a definition, one for each served version, the storage version first. */
export function servedKinds({ spec }: CustomResourceDefinition): ServedKind[] {
  const storage = spec.versions.find((version) => version.storage) ?? spec.versions[0];
  if (storage === undefined) return [];
  return spec.versions
    .filter((version) => version.served)
    .map((version) => ({
      group: spec.group,
      version: version.name,
      kind: spec.names.kind,
      plural: spec.names.plural,
      singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
      namespaced: spec.scope === 'Namespaced',
      shortNames: spec.names.shortNames,
      categories: spec.names.categories,
      subresources: [
        ...(version.subresources?.status ? ['status'] : []),
        ...(version.subresources?.scale ? ['scale'] : []),
      ],
      selectable: version.selectableFields?.map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
      custom: {
        storageVersion: `${spec.group}/${storage.name}`,
        schema: version.schema?.openAPIV3Schema ?? {},
        columns: version.additionalPrinterColumns?.length ? version.additionalPrinterColumns : [AGE],
        scale: version.subresources?.scale,
      },
    }));
}
