import type { Gateway } from '../api/resources';
import type { MeshDocument } from '../analysis/document';
import { objectOfHost } from '../analysis/hosts';
import { isLive } from '../analysis/live-mesh';
import { find } from '../analysis/locate';
import type { SourceRange } from '../analysis/source-text';
import { isWaypoint } from '../analysis/workspace';
import { GATEWAY, nameRange, referencesIn, SERVICE_ACCOUNT, type Reference } from './references';
import type { LanguageSession } from './session';

/** A place in a document that names an object. */
export interface NamedPlace {
  readonly document: MeshDocument;
  readonly range: SourceRange;
}

const NAME = ['metadata', 'name'];

/** The object that the place at an offset names, or that is named there first; undefined where there is none. */
export function objectAt(session: LanguageSession, file: string, offset: number): MeshDocument | undefined {
  const document = session.documentAt(file, offset);
  if (document === undefined) return undefined;
  if (isInside(find(document, NAME).node?.range, offset)) return document;
  const reference = referenceAt(document, offset);
  const object = reference && objectOf(session, document, reference);
  // What only a mesh has stands in no file that one could go to.
  return object && isLive(object) ? undefined : object;
}

/** Where the place at an offset is, for an editor to show what a rename would replace. */
export function nameAt(session: LanguageSession, file: string, offset: number): NamedPlace | undefined {
  const document = session.documentAt(file, offset);
  if (document === undefined) return undefined;
  const own = find(document, NAME).node?.range;
  if (own && isInside(own, offset)) return { document, range: own };
  const reference = referenceAt(document, offset);
  const range = reference && nameRange(document, reference);
  return range && { document, range };
}

/** Every place that names an object: its own name, and in all files what refers to it. */
export function placesOf(session: LanguageSession, object: MeshDocument, withOwn: boolean): NamedPlace[] {
  const own = find(object, NAME).node;
  const places: NamedPlace[] = withOwn && own ? [{ document: object, range: own.range }] : [];
  for (const file of session.analysis.files) {
    const parsed = session.file(file);
    // Most files do not even have the word.
    if (parsed === undefined || !parsed.source.text.includes(object.name)) continue;
    for (const document of parsed.documents)
      for (const reference of referencesIn(document)) {
        const range = isOf(session, document, reference, object) ? nameRange(document, reference) : undefined;
        if (range) places.push({ document, range });
      }
  }
  return places;
}

function referenceAt(document: MeshDocument, offset: number): Reference | undefined {
  return referencesIn(document).find(({ path }) => isInside(find(document, path).node?.range, offset));
}

function objectOf(
  { mesh }: LanguageSession,
  document: MeshDocument,
  { target: { kind, namespace, name, host } }: Reference,
): MeshDocument | undefined {
  return host === undefined ? mesh.named(kind, namespace, name) : objectOfHost(host, document.namespace, mesh);
}

function isOf(session: LanguageSession, document: MeshDocument, reference: Reference, object: MeshDocument): boolean {
  const { kind, namespace, name } = reference.target;
  // A waypoint's service account has the name of its Gateway, and stands in no file.
  const isItsAccount =
    kind === SERVICE_ACCOUNT &&
    `${object.group}/${object.kind}` === GATEWAY &&
    isWaypoint(object as MeshDocument<Gateway>) &&
    namespace === object.namespace &&
    name === object.name &&
    session.mesh.named(SERVICE_ACCOUNT, namespace, name) === undefined;
  return isItsAccount || objectOf(session, document, reference) === object;
}

function isInside(range: SourceRange | undefined, offset: number): boolean {
  return range !== undefined && range.start <= offset && offset <= range.end;
}
