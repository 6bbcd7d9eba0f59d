import { apiVersionOf } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { difference, fieldsOf, intersection, pathsOf, changes, union, type FieldSet } from '../schema/field-set';
import { schemaOf } from '../schema/kind-schema';
import { overlay, without } from '../schema/merge';
import { timestamp } from '../store/deletion';
import { StatusError } from '../store/status-error';
import { isEmptySet, managersOf, ownable, takeFrom, type ManagedFields } from './managed-fields';
import type { ServedKind } from './served-kind';

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
  readonly subresource?: string;
}

/** An applied object before it is written, and who owns what then. */
export interface Applied {
  readonly object: Record<string, unknown>;
  readonly managers: readonly ManagedFields[];
}

/**
 * Server-side apply: fields of the configuration are set and owned; fields that the manager applied before and left out
 * now are removed, unless somebody else owns them too. Throws 409 with one cause for each field that another manager
 * owns with a different value, unless forced.
 */
export function applyConfiguration(
  kind: ServedKind,
  live: KubeObject | undefined,
  configuration: KubeObject,
  { manager, force, subresource }: ApplyOptions,
): Applied {
  const schema = schemaOf(kind);
  const isOwn = (entry: ManagedFields): boolean =>
    entry.manager === manager && entry.operation === 'Apply' && entry.subresource === subresource;
  let managers = managersOf(live);
  const own = managers.find(isOwn);
  const config = ownable(configuration);
  const wanted = fieldsOf(config, schema);
  const { metadata, ...rest } = configuration as KubeObject & Record<string, unknown>;
  if (live === undefined) {
    return { object: { ...rest, metadata }, managers: [entryOf(kind, wanted, { manager, subresource })] };
  }
  const { changed } = changes(ownable(live), overlay(ownable(live), config, schema), schema);
  const others = managers.filter((entry) => !isOwn(entry));
  const conflicts = others
    .map((entry) => ({ entry, fields: intersection(intersection(wanted, changed), entry.fieldsV1) }))
    .filter(({ fields }) => !isEmptySet(fields));
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);

  const foreign = others.reduce<FieldSet>((set, entry) => union(set, entry.fieldsV1), {});
  const given = difference(difference(own?.fieldsV1 ?? {}, wanted), foreign);
  const pruned = isEmptySet(given) ? ownable(live) : (without(ownable(live), given, schema) as object);
  const merged = overlay(pruned, config, schema) as Record<string, unknown>;
  for (const { fields } of conflicts) managers = takeFrom(managers, fields, own);
  managers = managers.filter((entry) => !isOwn(entry));
  const next = entryOf(kind, wanted, { manager, subresource });
  const object = {
    ...merged,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...identityOf(live),
      ...(merged['metadata'] as object | undefined),
      ...(metadata.resourceVersion && { resourceVersion: metadata.resourceVersion }),
      ...(metadata.uid && { uid: metadata.uid }),
    },
  };
  return { object, managers: own ? inPlaceOf(own, next, managersOf(live), managers) : [...managers, next] };
}

function inPlaceOf(
  own: ManagedFields,
  next: ManagedFields,
  before: readonly ManagedFields[],
  rest: readonly ManagedFields[],
): ManagedFields[] {
  const index = before.findIndex((entry) => entry.manager === own.manager && entry.operation === own.operation);
  return [...rest.slice(0, index), next, ...rest.slice(index)];
}

/** Metadata that no configuration owns is kept as it is. */
function identityOf(live: KubeObject): Record<string, unknown> {
  const owned = ownable(live)['metadata'] as Record<string, unknown> | undefined;
  return Object.fromEntries(
    Object.entries(live.metadata).filter(([name]) => owned?.[name] === undefined && name !== 'resourceVersion'),
  );
}

function entryOf(
  kind: ServedKind,
  fieldsV1: FieldSet,
  { manager, subresource }: Pick<ApplyOptions, 'manager' | 'subresource'>,
): ManagedFields {
  return {
    manager,
    operation: 'Apply',
    apiVersion: apiVersionOf(kind),
    time: timestamp(),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource && { subresource }),
  };
}

function conflictError(conflicts: readonly { entry: ManagedFields; fields: FieldSet }[]): StatusError {
  const causes = conflicts.flatMap(({ entry, fields }) => {
    const by = `conflict with "${entry.manager}"${entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''}`;
    return pathsOf(fields).map((field) => ({ reason: 'FieldManagerConflict', message: by, field }));
  });
  const count = causes.length;
  const lines = conflicts.map(({ entry, fields }) => {
    const using = entry.operation === 'Update' ? ` using ${entry.apiVersion}` : '';
    const paths = pathsOf(fields);
    if (count === 1) return `conflict with "${entry.manager}"${using}: ${paths[0]}`;
    return `conflicts with "${entry.manager}"${using}:\n${paths.map((path) => `- ${path}`).join('\n')}`;
  });
  const plural = count === 1 ? 'conflict' : 'conflicts';
  return new StatusError(409, 'Conflict', `Apply failed with ${count} ${plural}: ${lines.join('\n')}`, { causes });
}
