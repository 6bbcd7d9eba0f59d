import type { CodeLens } from 'vscode-languageserver/node';
import { explainEnforcement } from '../analysis/enforcement/explain-enforcement';
import { PEER_AUTHENTICATION } from '../analysis/enforcement/explain-peer-authentication';
import { ATTACHED_KINDS } from '../analysis/enforcement/explain-attached';
import { rangeAt } from '../analysis/locate';
import { AUTHORIZATION_POLICY } from '../analysis/rules/ztunnel-policy';
import { rangeOf } from './places';
import type { ExplainParams } from './protocol';
import type { LanguageSession } from './session';

/** The client's command that shows the whole explanation of an object; see `ExplainParams`. */
export const EXPLAIN_COMMAND = 'ambient.explainEnforcement';

interface LensData {
  readonly uri: string;
  readonly index: number;
}

/** A lens above each policy and route; who enforces it is worked out for those on screen. */
export function codeLenses(session: LanguageSession, file: string, uri: string): CodeLens[] {
  return (session.file(file)?.documents ?? []).flatMap((document, index) => {
    const kind = `${document.group}/${document.kind}`;
    if (kind !== AUTHORIZATION_POLICY && kind !== PEER_AUTHENTICATION && !ATTACHED_KINDS.has(kind)) return [];
    return [{ range: rangeOf(document.source, rangeAt(document, ['kind'])), data: { uri, index } satisfies LensData }];
  });
}

/** *Enforced by …*; undefined when the object is gone meanwhile. */
export function resolveCodeLens(session: LanguageSession, file: string, lens: CodeLens): CodeLens {
  const { uri, index } = lens.data as LensData;
  const document = session.file(file)?.documents[index];
  const title = document && explainEnforcement(document, session.mesh)?.summary;
  if (document === undefined || title === undefined) return { ...lens, command: { title: '', command: '' } };
  const { kind, namespace, name } = document;
  const params: ExplainParams = { uri, object: { kind, namespace, name } };
  return { ...lens, command: { title, command: EXPLAIN_COMMAND, arguments: [params] } };
}

/** The URI of a lens that is to be resolved. */
export function uriOfLens(lens: CodeLens): string {
  return (lens.data as LensData).uri;
}
