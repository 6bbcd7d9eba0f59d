import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:https';
import path from 'node:path';
import type { Container, KubeObject, PodTemplate } from '../../api/resources';
import type { Registry } from '../api/registry';
import type { Pki } from '../auth/pki';
import type { Store } from '../store/store';
import { API_PORT, NODE_ADDRESS } from './addresses';

/** What a manifest's object was applied from, so that an unchanged one is left alone at the next start. */
export const DIGEST = 'ambient.dev/manifest-digest';

type Manifest = KubeObject & { apiVersion: string; kind: string; spec?: { template?: PodTemplate } };

/** Reads all objects of the YAML files in a folder, namespaces first. */
export async function readManifests(folder: string): Promise<Manifest[]> {
  const { parseAllDocuments } = await import('yaml');
  const objects = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => {
      const documents = parseAllDocuments(readFileSync(path.join(folder, name), 'utf8'));
      return documents.map((document) => document.toJS() as Manifest | null).filter((object) => object !== null);
    });
  return objects.sort((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));
}

/** Sets an environment variable in every container of a workload that has it. */
export function setEnvironment(object: Manifest, name: string, value: string): void {
  const containers: Container[] = object.spec?.template?.spec.containers ?? [];
  for (const entry of containers.flatMap(({ env }) => env ?? [])) if (entry.name === name) entry.value = value;
}

/**
 * Applies objects through the API, as a client would, leaving those alone that are as they were applied before.
 *
 * @throws with the API's refusal
 */
export async function applyManifests(
  objects: readonly Manifest[],
  { store, registry, pki }: { store: Store; registry: Registry; pki: Pki },
): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const apply = async (object: Manifest): Promise<void> => {
    const [version = '', group = ''] = object.apiVersion.split('/').reverse();
    const kind = registry.findKind(group, version, object.kind);
    if (kind === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not served`);
    const digest = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
    const { namespace, name } = object.metadata;
    if (store.latest(kind, namespace, name)?.metadata.annotations?.[DIGEST] === digest) return;
    object.metadata.annotations = { ...object.metadata.annotations, [DIGEST]: digest };
    const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const scope = kind.namespaced ? `/namespaces/${namespace}` : '';
    const url = `${base}${scope}/${kind.plural}/${name}?fieldManager=ambient&force=true`;
    const body = JSON.stringify(object);
    await new Promise<void>((resolve, reject) => {
      const request = http.request({
        host: NODE_ADDRESS,
        port: API_PORT,
        path: url,
        method: 'PATCH',
        agent,
        ca: pki.caCertificate,
        headers: {
          authorization: `Bearer ${pki.adminToken}`,
          'content-type': 'application/apply-patch+yaml',
          'content-length': Buffer.byteLength(body),
        },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve();
          else reject(new Error(`${object.kind} ${name}: ${text.slice(0, 500)}`));
        });
      });
      request.end(body);
    });
  };
  try {
    // Later objects live in the namespaces of the first ones.
    const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
    await Promise.all(namespaces.map(apply));
    await Promise.all(objects.filter(({ kind }) => kind !== 'Namespace').map(apply));
  } finally {
    agent.destroy();
  }
}
