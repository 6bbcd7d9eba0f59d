import { parseAllDocuments } from 'yaml';
import { KIND, apiVersionOf } from '../../runtime/api/kinds';
import type { KubeObject } from '../../runtime/api/resources';
import type { KubeClient } from '../../runtime/kube/client';

/** Applies the objects of a YAML text in their order. */
export async function applyManifest(client: KubeClient, yaml: string): Promise<void> {
  for (const document of parseAllDocuments(yaml)) {
    const object = document.toJS() as (KubeObject & { apiVersion: string; kind: string }) | null;
    if (object === null) continue;
    const kind = Object.values(KIND).find(
      (candidate) => candidate.kind === object.kind && apiVersionOf(candidate) === object.apiVersion,
    );
    if (kind === undefined) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
    await client.apply(kind, object, 'test');
  }
}
