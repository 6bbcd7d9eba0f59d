import type { KubeObject } from '../api/resources';
import type { MeshDocument } from './document';
import type { Fix } from './edit';
import type { Path } from './path';
import type { Mesh } from './workspace';

export type Severity = 'error' | 'warning' | 'info' | 'hint';

/** From the gravest to the lightest. */
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'info', 'hint'];

/** What a code means; some codes come from reading a file and not from a rule. */
export interface CatalogueEntry {
  /** `AMBnnnn`: 1 structure, 2 ambient attachment, 3 references, 4 conflicts, 5 security, 6 migration, 7 live. */
  readonly code: string;
  readonly severity: Severity;
  readonly title: string;
  /** Why it matters and what to do, for the documentation: a few sentences. */
  readonly why: string;
  /** Codes of Kiali (KIA) and istioctl analyze (IST) that speak of the same thing. */
  readonly aliases: readonly string[];
  /** Whether one document tells, other documents are needed, or a running mesh. */
  readonly scope: 'document' | 'workspace' | 'live';
}

/**
 * One check. `T` is the shape of its objects, which reading them has made sure of.
 */
export interface Rule<T extends KubeObject = KubeObject> extends CatalogueEntry {
  /** `group/Kind`; the core group is empty: `/Service`. */
  readonly kinds: readonly string[];
  /**
   * Holds in ambient mode only: silent in namespaces of sidecars, and no more than an info where no file says which mode
   * the namespace is in.
   */
  readonly ambient?: true;
  check(context: RuleContext<T>): void;
}

export interface RuleContext<T extends KubeObject = KubeObject> {
  readonly document: MeshDocument<T>;
  readonly mesh: Mesh;
  /** Tells a finding at a path of the document (see rangeAt), or at the path's last key. */
  report(path: Path, message: string, options?: ReportOptions): void;
}

export interface ReportOptions {
  /** Instead of the rule's own, e.g. a hint where something merely was not found. */
  readonly severity?: Severity;
  /** Underline the key, not the value. */
  readonly atKey?: boolean;
  readonly fixes?: readonly (Fix | undefined)[];
  /** Other places that prove it, e.g. the Gateway that is no waypoint. */
  readonly related?: readonly RelatedPlace[];
}

/** A place in this or another document, with what there is to see. */
export interface RelatedPlace {
  readonly document: MeshDocument;
  readonly path: Path;
  readonly message: string;
}

/** Erases a rule's object type, for the catalogue. */
export function rule<T extends KubeObject>(definition: Rule<T>): Rule {
  return definition as unknown as Rule;
}
