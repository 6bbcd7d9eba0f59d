import { parseAllDocuments } from 'yaml';
import { apiVersionOf, KIND, type Kind } from '../api/kinds';
import type { KubeObject } from '../api/resources';
import { MeshError } from '../errors';
import type { KubeClient } from './client';

const kinds = new Map<string, Kind>(Object.values(KIND).map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]));

/**
 * Reads the objects of a multi-document YAML text.
 *
 * @param name shown in errors
 * @throws MeshError AMB_ERR_USAGE with line and column for broken YAML or an unknown kind
 */
export function readManifests(text: string, name: string): { kind: Kind; object: KubeObject }[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [problem] = 'errors' in document ? document.errors : [];
    if (problem !== undefined) {
      throw new MeshError('AMB_ERR_USAGE', { problem: `${name}: ${problem.message}`, remedy: 'Correct the YAML.' });
    }
    const object = document.toJS() as KubeObject | null;
    if (object === null) return [];
    const kind = kinds.get(`${object.apiVersion}/${object.kind}`);
    if (kind === undefined) {
      const problem = `${name}: ${object.apiVersion} ${object.kind} is not a kind that ambient applies.`;
      throw new MeshError('AMB_ERR_USAGE', { problem, remedy: 'Apply it with kubectl.' });
    }
    return [{ kind, object }];
  });
}

/** Applies every object of a YAML text, server-side, in the order of the text. Nothing is sent when any part is broken. */
export async function applyManifests(
  client: KubeClient,
  text: string,
  name: string,
  fieldManager: string,
): Promise<KubeObject[]> {
  const applied: KubeObject[] = [];
  for (const { kind, object } of readManifests(text, name))
    applied.push(await client.apply(kind, object, fieldManager));
  return applied;
}
