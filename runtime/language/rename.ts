import { ResponseError, type Position, type Range, type WorkspaceEdit } from 'vscode-languageserver/node';
import type { MeshDocument } from '../analysis/document';
import { editOf, offsetAt, rangeOf, uriOf } from './places';
import { GATEWAY, ISTIO_GATEWAY, SERVICE, SERVICE_ACCOUNT } from './references';
import type { LanguageSession } from './session';
import { nameAt, objectAt, placesOf } from './targets';

const RENAMED = new Set([SERVICE, SERVICE_ACCOUNT, GATEWAY, ISTIO_GATEWAY]);
/** RFC 1123, as the API server checks names. */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const INVALID_PARAMS = -32602;

/** What a rename at a position would replace; undefined where nothing can be renamed. */
export function prepareRename(
  session: LanguageSession,
  file: string,
  position: Position,
): { range: Range; placeholder: string } | undefined {
  const source = session.file(file)?.source;
  const offset = source && offsetAt(source, position);
  const object = offset === undefined ? undefined : objectAt(session, file, offset);
  const place = offset === undefined ? undefined : nameAt(session, file, offset);
  if (!object || !place || !isRenamed(object)) return undefined;
  return { range: rangeOf(place.document.source, place.range), placeholder: object.name };
}

/**
 * Renames a Service, ServiceAccount or Gateway, with a waypoint its service account, in all files.
 *
 * @throws ResponseError with a message for the user: a name that Kubernetes refuses, or that is taken
 */
export function rename(
  session: LanguageSession,
  file: string,
  position: Position,
  newName: string,
): WorkspaceEdit | undefined {
  const source = session.file(file)?.source;
  const object = source && objectAt(session, file, offsetAt(source, position));
  if (object === undefined || !isRenamed(object)) return undefined;
  if (!NAME.test(newName))
    throw new ResponseError(INVALID_PARAMS, `${newName} is no name: use lower case letters, digits and hyphens.`);
  if (session.mesh.named(`${object.group}/${object.kind}`, object.namespace, newName))
    throw new ResponseError(INVALID_PARAMS, `There is a ${object.kind} ${object.namespace}/${newName} already.`);
  const changes: NonNullable<WorkspaceEdit['changes']> = {};
  for (const { document, range } of placesOf(session, object, true))
    (changes[uriOf(document.source.file)] ??= []).push(editOf(document.source, { ...range, newText: newName }));
  return { changes };
}

function isRenamed({ group, kind }: MeshDocument): boolean {
  return RENAMED.has(`${group}/${kind}`);
}
