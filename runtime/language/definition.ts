import type { Location, Position } from 'vscode-languageserver/node';
import { find, keyRangeAt } from '../analysis/locate';
import { locationOf, offsetAt } from './places';
import type { LanguageSession } from './session';
import { objectAt } from './targets';

/** The object that the place at a position names. */
export function definition(session: LanguageSession, file: string, position: Position): Location | undefined {
  const source = session.file(file)?.source;
  const object = source && objectAt(session, file, offsetAt(source, position));
  if (object === undefined) return undefined;
  const range = find(object, ['metadata', 'name']).node?.range ?? keyRangeAt(object, ['kind']);
  return locationOf(object.source, range);
}
