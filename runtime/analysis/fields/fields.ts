import type { Path } from '../path';
import { authorizationPolicy } from './authorization-policy';
import { docAt, type FieldDocs } from './field-docs';
import { LABELS, type LabelDoc } from './labels';
import { objectFields } from './shared-types';

/** Documented kinds by `group/Kind`; all versions of a kind have the same fields. */
export const DOCUMENTED: Readonly<Record<string, FieldDocs>> = {
  'security.istio.io/AuthorizationPolicy': authorizationPolicy,
};

/**
 * What a field means and what ambient mode does with it, in Markdown, for hover and completion.
 *
 * @param path from the object's root, as schemaAt takes it; `[]` is the kind itself
 * @returns undefined for kinds and fields that are not documented; for an entry of a mapping of plain values (a label of
 *   a selector), what the mapping means
 */
export function fieldDoc(group: string, kind: string, path: Path): string | undefined {
  const keys = path.filter((part) => typeof part === 'string');
  const docs = DOCUMENTED[`${group}/${kind}`];
  return (docs && docAt(docs, keys)) ?? docAt(objectFields, keys);
}

/** What a label or annotation of ambient mode means. */
export function labelDoc(key: string): LabelDoc | undefined {
  return LABELS.find((label) => label.key === key);
}
