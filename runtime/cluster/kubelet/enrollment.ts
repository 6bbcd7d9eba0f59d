import http from 'node:http';
import { DATAPLANE_MODE, SYSTEM_NAMESPACE } from '../../api/labels';
import type { Namespace, Pod } from '../../api/resources';

const AGENT_SOCKET = '/run/ambient-agent/cni.sock';
const TIMEOUT_MS = 10_000;

/** Whether a pod's traffic is to be captured from its first packet: its own label wins over its namespace's. */
export function isEnrolled(pod: Pod, namespace: Namespace | undefined): boolean {
  if (pod.metadata.namespace === SYSTEM_NAMESPACE || pod.metadata.namespace === 'kube-system') return false;
  if (pod.spec.hostNetwork) return false;
  const mode = pod.metadata.labels?.[DATAPLANE_MODE] ?? namespace?.metadata.labels?.[DATAPLANE_MODE];
  return mode === 'ambient';
}

/**
 * Asks the node agent to capture a pod before its first container starts, as Istio's CNI plugin does.
 *
 * @throws with the agent's reason, or why it cannot be reached; the pod must not start then
 */
export function enroll(pod: Pod, netns: string, ip: string, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const body = JSON.stringify({ podName: name, podNamespace: namespace, podUid: uid, netns, ip });
  return new Promise((resolve, reject) => {
    const request = http.request({
      socketPath: AGENT_SOCKET,
      method: 'POST',
      path: '/cmdadd',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      timeout: TIMEOUT_MS,
      signal,
      agent: false,
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.once('error', (error) => reject(new Error(`the node agent does not answer: ${error.message}`)));
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the node agent refused (${response.statusCode}): ${text.trim().slice(0, 500)}`));
      });
    });
    request.end(body);
  });
}
