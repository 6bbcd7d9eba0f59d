import { serviceKey, type Scope, type Service, type Workload } from './mesh-model';

/** An endpoint chosen for a connection, and the port of it to connect to. */
export interface Endpoint {
  readonly workload: Workload;
  readonly port: number;
}

/**
 * Chooses an endpoint of a service for a client, as ztunnel does.
 *
 * @param endpoints the service's workloads that its health policy admits
 * @param random a number in [0, 1)
 * @returns undefined when no endpoint can serve the port
 * @see protocol reference 5.2; the order of the steps is the specification
 */
export function loadBalance(
  source: Workload,
  service: Service,
  servicePort: number,
  endpoints: readonly Workload[],
  random: () => number,
): Endpoint | undefined {
  const port = service.ports.get(servicePort);
  if (port === undefined) return undefined;
  const key = serviceKey(service);
  const targetOf = (workload: Workload): number => workload.services.get(key)?.get(servicePort) || port.targetPort || 0;
  const candidates = endpoints.filter(
    (workload) =>
      (workload.addresses.length > 0 || workload.hostname !== '' || isRemote(source, workload)) &&
      (port.targetPort > 0 || targetOf(workload) > 0 || workload.applicationTunnel !== undefined),
  );
  const chosen = weighted(preferred(source, service, candidates), random);
  if (chosen === undefined) return undefined;
  return { workload: chosen, port: targetOf(chosen) || servicePort };
}

function isRemote(source: Workload, workload: Workload): boolean {
  return workload.network !== source.network && workload.networkGateway !== undefined;
}

/** Candidates left by the service's locality preference: with STRICT full matches, otherwise those of the highest rank. */
function preferred(source: Workload, service: Service, candidates: readonly Workload[]): readonly Workload[] {
  const balancer = service.loadBalancer;
  if (balancer === undefined || balancer.mode === 'Standard' || balancer.mode === 'Passthrough') return candidates;
  const preferences = balancer.routingPreferences;
  if (balancer.mode === 'Strict') {
    return candidates.filter((workload) => preferences.every((scope) => scopeMatches(scope, source, workload)));
  }
  const ranked = candidates.map((workload) => ({ workload, rank: rankOf(source, workload, preferences) }));
  const highest = ranked.reduce((most, { rank }) => Math.max(most, rank), 0);
  return ranked.filter(({ rank }) => rank === highest).map(({ workload }) => workload);
}

/**
 * How many preferences hold, counted until the first that does not. A leading NETWORK is special: being on the same
 * network outweighs every other preference, and being on another one does not end the count.
 */
function rankOf(source: Workload, workload: Workload, preferences: readonly Scope[]): number {
  let rank = 0;
  for (const [index, scope] of preferences.entries()) {
    const matches = scopeMatches(scope, source, workload);
    if (index === 0 && scope === 'Network') rank += matches ? Math.max(preferences.length - 1, 1) : 0;
    else if (matches) rank += 1;
    else break;
  }
  return rank;
}

function scopeMatches(scope: Scope, a: Workload, b: Workload): boolean {
  switch (scope) {
    case 'Region':
      return a.locality.region === b.locality.region;
    case 'Zone':
      return a.locality.zone === b.locality.zone;
    case 'Subzone':
      return a.locality.subzone === b.locality.subzone;
    case 'Node':
      return a.node === b.node;
    case 'Cluster':
      return a.clusterId === b.clusterId;
    case 'Network':
      return a.network === b.network;
  }
}

/** Chooses with probability proportional to `capacity`. */
function weighted(candidates: readonly Workload[], random: () => number): Workload | undefined {
  if (candidates.length < 2) return candidates[0]?.capacity === 0 ? undefined : candidates[0];
  let rest = random() * candidates.reduce((sum, { capacity }) => sum + capacity, 0);
  for (const candidate of candidates) {
    rest -= candidate.capacity;
    if (rest < 0) return candidate;
  }
  return undefined;
}
