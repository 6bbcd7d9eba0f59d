import { createInterface } from 'node:readline';
import { KIND, pathOf } from '../../api/kinds';
import type { Pod } from '../../api/resources';
import { apiError, type KubeClient } from '../../kube/client';

/** What the log said before we came, in seconds, so that the first picture is there at once. */
const BEFORE_SECONDS = '10';

/**
 * The lines of a proxy's log, as they come, until the log ends, breaks off or the signal aborts.
 *
 * @param since RFC 3339 time from which on; without it the last ten seconds
 * @param onOpen called when the log answers, which it does with its first line
 * @throws ApiError when the log is refused
 */
export async function* logLines(
  client: KubeClient,
  { metadata, spec }: Pod,
  { since, onOpen, signal }: { since?: string; onOpen: () => void; signal: AbortSignal },
): AsyncGenerator<string> {
  const { namespace, name } = metadata;
  const container = spec.containers.find((one) => one.name === 'istio-proxy') ?? spec.containers[0];
  const from = since === undefined ? { sinceSeconds: BEFORE_SECONDS } : { sinceTime: since };
  const query = { follow: 'true', container: container?.name, ...from };
  const path = `${pathOf(KIND.Pod, namespace, name)}/log`;
  const answer = await client.stream('GET', path, { query, signal, accept: '*/*' });
  if (answer.statusCode !== 200) {
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    throw apiError(answer.statusCode ?? 0, body, `the log of ${namespace}/${name}`);
  }
  onOpen();
  yield* createInterface({ input: answer, crlfDelay: Infinity });
}
