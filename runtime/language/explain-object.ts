import type { Enforcement } from '../analysis/enforcement/enforcement';
import { explainEnforcement } from '../analysis/enforcement/explain-enforcement';
import type { ExplainParams } from './protocol';
import type { LanguageSession } from './session';

/** Who enforces an object of a file; undefined for one that is not there, or that nobody enforces. */
export function explainObject(
  session: LanguageSession,
  file: string,
  { kind, namespace, name }: Omit<ExplainParams, 'uri'>,
): Enforcement | undefined {
  const document = session
    .file(file)
    ?.documents.find((one) => one.kind === kind && one.namespace === namespace && one.name === name);
  return document && explainEnforcement(document, session.mesh);
}
