import { setTimeout } from 'node:timers/promises';
import { KIND } from '../../api/kinds';
import type { Secret } from '../../api/resources';
import { ApiError, type KubeClient } from '../../kube/client';
import { MeshError } from '../../errors';
import { log } from '../../telemetry/log';
import type { MeshSettings } from '../mesh-objects';
import { createSelfSignedFiles, readAuthority, type Authority, type AuthorityFiles } from './authority';

const PLUGGED = 'cacerts';
const SELF_SIGNED = 'istio-ca-secret';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/** As `loadAuthority`, asking again while the API cannot be reached: istiod may be up before it. */
export async function awaitAuthority(
  client: KubeClient,
  settings: MeshSettings,
): Promise<Awaited<ReturnType<typeof loadAuthority>>> {
  for (let pause = FIRST_RETRY_MS; ; pause = Math.min(pause * 2, LAST_RETRY_MS)) {
    try {
      return await loadAuthority(client, settings);
    } catch (error) {
      if (!MeshError.is(error, 'AMB_ERR_API_UNREACHABLE')) throw error;
      log('ca').warn('the Kubernetes API does not answer yet', { error: error.message, retryMs: pause });
      await setTimeout(pause);
    }
  }
}

/**
 * The mesh's CA: the plugged-in one of the secret `cacerts`, else the self-signed one of `istio-ca-secret`, which is
 * made when there is none. A second istiod that makes one at the same time takes over the first one's.
 *
 * @see protocol reference 2.3, step 5
 */
export async function loadAuthority(
  client: KubeClient,
  { rootNamespace, trustDomain }: MeshSettings,
): Promise<{ authority: Authority; secret: string; created: boolean }> {
  const [plugged, selfSigned] = await Promise.all([
    client.get<Secret>(KIND.Secret, PLUGGED, rootNamespace),
    client.get<Secret>(KIND.Secret, SELF_SIGNED, rootNamespace),
  ]);
  const stored = plugged ?? selfSigned;
  if (stored) return { authority: await read(stored), secret: stored.metadata.name, created: false };
  const files = await createSelfSignedFiles(trustDomain);
  try {
    await client.create<Secret>(KIND.Secret, {
      metadata: { name: SELF_SIGNED, namespace: rootNamespace },
      type: 'istio.io/ca-root',
      data: Object.fromEntries(
        Object.entries(files).map(([name, text]) => [name, Buffer.from(String(text)).toString('base64')]),
      ),
    });
  } catch (error) {
    if (!ApiError.is(error, 409)) throw error;
    const other = await client.get<Secret>(KIND.Secret, SELF_SIGNED, rootNamespace);
    if (other === undefined) throw error;
    return { authority: await read(other), secret: SELF_SIGNED, created: false };
  }
  return { authority: await readAuthority(files), secret: SELF_SIGNED, created: true };
}

async function read({ metadata, data = {} }: Secret): Promise<Authority> {
  const files = Object.fromEntries(
    Object.entries(data).map(([name, encoded]) => [name, Buffer.from(encoded, 'base64').toString('utf8')]),
  ) as Partial<AuthorityFiles>;
  try {
    return await readAuthority(files);
  } catch (error) {
    throw new Error(`secret ${metadata.namespace}/${metadata.name}: ${(error as Error).message}`, { cause: error });
  }
}
