import { apiVersionOf } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { changes, difference, union, type FieldSet } from '../schema/field-set';
import { schemaOf } from '../schema/kind-schema';
import { copy, sameJson } from '../../api/json';
import { timestamp } from '../store/deletion';
import type { ServedKind } from './served-kind';

export interface ManagedFields {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time?: string;
  fieldsType: 'FieldsV1';
  fieldsV1: FieldSet;
  subresource?: string;
}

/** Metadata that belongs to nobody. */
const UNOWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

/** The part of an object that has owners. */
export function ownable(object: KubeObject): Record<string, unknown> {
  const { metadata, ...rest } = object as KubeObject & Record<string, unknown>;
  delete rest['apiVersion'];
  delete rest['kind'];
  const left = Object.fromEntries(Object.entries(metadata).filter(([name]) => !UNOWNED.includes(name)));
  return Object.keys(left).length > 0 ? { metadata: left, ...rest } : rest;
}

export function managersOf(object: KubeObject | undefined): ManagedFields[] {
  return copy((object?.metadata.managedFields ?? []) as ManagedFields[]).filter((entry) => entry.fieldsV1);
}

export const isEmptySet = (set: FieldSet): boolean => Object.keys(set).length === 0;

/** Takes fields from every manager but one, and drops managers that own nothing. */
export function takeFrom(managers: ManagedFields[], fields: FieldSet, except?: ManagedFields): ManagedFields[] {
  return managers
    .map((entry) => (entry === except ? entry : { ...entry, fieldsV1: difference(entry.fieldsV1, fields) }))
    .filter((entry) => !isEmptySet(entry.fieldsV1));
}

/** Notes in an object's managedFields, in place, which fields a create, update or patch took over. */
export function recordUpdate(
  kind: ServedKind,
  object: KubeObject,
  previous: KubeObject | undefined,
  manager: string,
  subresource?: string,
): void {
  const given = object.metadata.managedFields;
  // A client that sends an empty list, or one empty entry, wants the book-keeping to begin anew.
  const reset =
    given !== undefined && previous !== undefined && !given.some((entry) => (entry as ManagedFields).manager);
  let managers = reset ? [] : managersOf(previous);
  const { changed, removed } = changes(
    ownable(previous ?? { metadata: { name: '' } }),
    ownable(object),
    schemaOf(kind),
  );
  const apiVersion = apiVersionOf(kind);
  managers = takeFrom(managers, removed);
  if (!isEmptySet(changed)) {
    const isOwn = (entry: ManagedFields): boolean =>
      entry.manager === manager &&
      entry.operation === 'Update' &&
      entry.apiVersion === apiVersion &&
      entry.subresource === subresource;
    const own = managers.find(isOwn);
    managers = takeFrom(managers, changed, own).filter((entry) => entry !== own);
    managers.push({
      manager,
      operation: 'Update',
      apiVersion,
      time: timestamp(),
      fieldsType: 'FieldsV1',
      fieldsV1: union(own?.fieldsV1 ?? {}, changed),
      ...(subresource && { subresource }),
    });
  }
  setManagers(object, managers, previous);
}

/** Writes managedFields; unchanged ones keep their times, so that a write without effect stays one. */
export function setManagers(object: KubeObject, managers: ManagedFields[], previous: KubeObject | undefined): void {
  const timeless = (entries: readonly ManagedFields[]): unknown => entries.map((entry) => ({ ...entry, time: '' }));
  const before = managersOf(previous);
  const next = sameJson(timeless(before), timeless(managers)) ? before : managers;
  if (next.length > 0) object.metadata.managedFields = next;
  else delete object.metadata.managedFields;
}
