import { randomBytes } from 'node:crypto';
import type { Workload } from '../xds/mesh-model';

const cache = new WeakMap<Workload, string>();

/**
 * A workload as the `baggage` header carries it; empty members are left out. For telemetry only: identity comes from
 * the certificate.
 *
 * @see protocol reference 3.2
 */
export function baggageOf(workload: Workload): string {
  let baggage = cache.get(workload);
  if (baggage === undefined) {
    const members: [string, string | undefined][] = [
      ['k8s.cluster.name', workload.clusterId],
      ['k8s.namespace.name', workload.namespace],
      [`k8s.${workload.workloadType}.name`, workload.workloadName],
      ['service.name', workload.canonicalName],
      ['service.version', workload.canonicalRevision],
      ['cloud.region', workload.locality.region],
      ['cloud.availability_zone', workload.locality.zone],
    ];
    baggage = members
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .join(',');
    cache.set(workload, baggage);
  }
  return baggage;
}

/** The service that the client addressed, from `forwarded: for="..."; host=<name>`. */
export function forwardedHost(header: string | undefined): string | undefined {
  const host = /(?:^|[;,\s])host="?([^";,\s]+)"?/i.exec(header ?? '')?.[1];
  return host === undefined || host === '' ? undefined : host;
}

/** Headers of a CONNECT. @param client `address:port` of the application's socket */
export function connectHeaders(
  source: Workload,
  client: string,
  serviceHostname: string | undefined,
): Record<string, string> {
  const random = randomBytes(24).toString('hex');
  return {
    baggage: baggageOf(source),
    forwarded: `for="${client}"${serviceHostname === undefined ? '' : `;host=${serviceHostname}`}`,
    traceparent: `00-${random.slice(0, 32)}-${random.slice(32)}-00`,
  };
}
