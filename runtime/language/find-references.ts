import type { Location, Position } from 'vscode-languageserver/node';
import { locationOf, offsetAt } from './places';
import type { LanguageSession } from './session';
import { objectAt, placesOf } from './targets';

/** All places of the workspace that name what the place at a position names. */
export function findReferences(
  session: LanguageSession,
  file: string,
  position: Position,
  includeDeclaration: boolean,
): Location[] {
  const source = session.file(file)?.source;
  const object = source && objectAt(session, file, offsetAt(source, position));
  if (object === undefined) return [];
  return placesOf(session, object, includeDeclaration).map(({ document, range }) => locationOf(document.source, range));
}
