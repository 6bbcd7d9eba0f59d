import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { PROBE_SOURCE } from '../../api/ports';
import type { Container, Probe } from '../../api/resources';
import { pause } from '../../pause';

const FIRST_INTERVAL_MS = 50;
const LAST_INTERVAL_MS = 500;

/** Undefined when the probe succeeded, otherwise why it did not. */
type Outcome = string | undefined;

const portOf = (port: number | string, container: Container): number =>
  typeof port === 'number' ? port : (container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port));

/**
 * Asks a container once, from the node's probe address, which capture lets through.
 *
 * @returns undefined for success: any HTTP status from 200 to 399, or a TCP connection
 */
export function probeOnce(probe: Probe, container: Container, ip: string): Promise<Outcome> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  const { httpGet, tcpSocket, exec } = probe;
  if (httpGet) {
    const secure = httpGet.scheme === 'HTTPS';
    return new Promise((resolve) => {
      const request = (secure ? https : http).get(
        {
          host: ip,
          port: portOf(httpGet.port, container),
          path: httpGet.path ?? '/',
          localAddress: PROBE_SOURCE,
          headers: {
            'user-agent': 'kube-probe/1.34',
            connection: 'close',
            ...Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value])),
          },
          agent: false,
          timeout,
          ...(secure && { rejectUnauthorized: false }),
        },
        (response) => {
          response.resume();
          const status = response.statusCode ?? 0;
          resolve(status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`);
        },
      );
      request.once('timeout', () => request.destroy(new Error('timeout')));
      request.once('error', (error) => resolve(error.message));
    });
  }
  if (tcpSocket) {
    return new Promise((resolve) => {
      const socket = net.connect({ host: ip, port: portOf(tcpSocket.port, container), localAddress: PROBE_SOURCE });
      socket.setTimeout(timeout, () => socket.destroy(new Error('timeout')));
      socket.once('connect', () => {
        resolve(undefined);
        socket.destroy();
      });
      socket.once('error', (error) => resolve(error.message));
    });
  }
  return Promise.resolve(exec ? 'exec probes are not supported; use httpGet or tcpSocket' : undefined);
}

/**
 * Probes until the signal aborts: at once and quickly until the first success, then every `periodSeconds`.
 *
 * @param onChange told when the verdict changes, with the reason of a failure; thresholds are counted here
 */
export async function watchProbe(
  probe: Probe,
  container: Container,
  ip: string,
  signal: AbortSignal,
  onChange: (healthy: boolean, reason: string) => void,
): Promise<void> {
  const period = (probe.periodSeconds ?? 10) * 1000;
  let interval = FIRST_INTERVAL_MS;
  let healthy: boolean | undefined;
  let successes = 0;
  let failures = 0;
  await pause((probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const outcome = await probeOnce(probe, container, ip);
    if (signal.aborted) return;
    if (outcome === undefined) {
      failures = 0;
      successes++;
      if (healthy !== true && successes >= (probe.successThreshold ?? 1)) onChange((healthy = true), '');
    } else {
      successes = 0;
      failures++;
      if (healthy !== false && failures >= (probe.failureThreshold ?? 3)) onChange((healthy = false), outcome);
    }
    await pause(healthy === true ? period : Math.min(interval, period), signal);
    interval = Math.min(interval * 1.3, LAST_INTERVAL_MS);
  }
}
