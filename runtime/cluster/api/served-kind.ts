import type { JsonSchema } from '../../api/json-schema';
import type { Kind } from '../../api/kinds';

export const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
  readonly jsonPath: string;
}

/** A kind in one version as the API serves it. */
export interface ServedKind extends Kind {
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Subresources with an object of their own: `status`, `scale`. */
  readonly subresources: readonly string[];
  /** Paths beside metadata.name and metadata.namespace that field selectors may name. */
  readonly selectable?: readonly string[];
  /** Set for kinds that a CustomResourceDefinition brought. */
  readonly custom?: {
    /** apiVersion under which objects are stored; other served versions are the same object under another name. */
    readonly storageVersion: string;
    /** OpenAPI v3 structural schema. */
    readonly schema: JsonSchema;
    readonly columns: readonly Column[];
    readonly scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
  };
}
