import type { MeshDocument } from '../analysis/document';
import type { Enforcement } from '../analysis/enforcement/enforcement';
import { explainEnforcement } from '../analysis/enforcement/explain-enforcement';
import { offsetAt } from './places';
import type { ExplainParams } from './protocol';
import type { LanguageSession } from './session';

/** Who enforces an object of a file; undefined for one that is not there, or that nobody enforces. */
export function explainObject(
  session: LanguageSession,
  file: string,
  params: Omit<ExplainParams, 'uri'>,
): Enforcement | undefined {
  const document = documentOf(session, file, params);
  return document && explainEnforcement(document, session.mesh);
}

function documentOf(
  session: LanguageSession,
  file: string,
  { object, position }: Omit<ExplainParams, 'uri'>,
): MeshDocument | undefined {
  const parsed = session.file(file);
  if (object !== undefined)
    return parsed?.documents.find(
      ({ kind, namespace, name }) => kind === object.kind && namespace === object.namespace && name === object.name,
    );
  return parsed && position && session.documentAt(file, offsetAt(parsed.source, position));
}
