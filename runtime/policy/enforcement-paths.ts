/** Where a policy holds: at the workloads' ztunnels, or at a waypoint for a service or for all that passes it. */
export type Attachment = 'workload' | 'service' | 'waypoint';

/** How traffic reaches what a policy protects. */
export interface Situation {
  readonly attachment: Attachment;
  /** `<namespace>/<name>` of the waypoint that takes traffic to the service. */
  readonly serviceWaypoint?: string;
  /** `<namespace>/<name>` of the waypoint that takes traffic to the pods' own addresses. */
  readonly workloadWaypoint?: string;
  /** The service asks ingress gateways to go through its waypoint, too. */
  readonly ingressUsesWaypoint?: boolean;
}

/** One way to the workload: whether the policy is enforced on it, by whom, and as whom the client appears there. */
export interface EnforcementPath {
  readonly client: string;
  readonly enforcer: 'ztunnel' | 'waypoint' | 'nobody';
  /** `none`: the enforcer knows no identity, and principals never match. */
  readonly identity: 'client' | 'waypoint' | 'gateway' | 'none';
  readonly text: string;
}

/**
 * The ways of traffic to a workload or service, and who enforces a policy on each.
 *
 * @see protocol reference 5.1 and 5.5
 */
export function enforcementPaths(situation: Situation): EnforcementPath[] {
  const { serviceWaypoint, workloadWaypoint, ingressUsesWaypoint = false } = situation;
  const byIngress = serviceWaypoint !== undefined && ingressUsesWaypoint;
  return [
    through(situation, 'A pod of the mesh, to the service', 'client', serviceWaypoint),
    through(situation, "A pod of the mesh, to the pod's address", 'client', workloadWaypoint, false),
    through(situation, 'An ingress gateway', 'gateway', byIngress ? serviceWaypoint : undefined),
    {
      ...direct(situation, 'A pod with a sidecar', 'client'),
      text: `Sidecars go straight to the pod and never use a waypoint. ${outcome(situation, "the client's own identity")}`,
    },
    {
      ...direct(situation, 'A client outside of the mesh', 'none'),
      text: `Plaintext goes straight to the pod, without an identity: principals and namespaces never match. ${outcome(situation, 'no identity')}`,
    },
  ];
}

type Seen = EnforcementPath['identity'];

function through(
  situation: Situation,
  client: string,
  own: Seen,
  waypoint: string | undefined,
  toService = true,
): EnforcementPath {
  const words = own === 'gateway' ? "the gateway's identity" : "the client's own identity";
  if (waypoint === undefined) {
    const why =
      toService && situation.serviceWaypoint !== undefined ? ' (istio.io/ingress-use-waypoint is not set)' : '';
    return { ...direct(situation, client, own), text: `Goes straight to the pod${why}. ${outcome(situation, words)}` };
  }
  if (situation.attachment === 'workload')
    return {
      client,
      enforcer: 'ztunnel',
      identity: 'waypoint',
      text: `Passes waypoint ${waypoint}, which calls on: ztunnel sees the waypoint's identity, not the client's.`,
    };
  // A policy on a Service is not asked about what is addressed to a pod.
  if (situation.attachment === 'service' && !toService)
    return {
      client,
      enforcer: 'nobody',
      identity: own,
      text: `Passes waypoint ${waypoint}, but is not addressed to the service: policies that target the service do not hold.`,
    };
  return { client, enforcer: 'waypoint', identity: own, text: `Waypoint ${waypoint} enforces it and sees ${words}.` };
}

function direct({ attachment }: Situation, client: string, identity: Seen): Omit<EnforcementPath, 'text'> {
  return { client, enforcer: attachment === 'workload' ? 'ztunnel' : 'nobody', identity };
}

function outcome({ attachment }: Situation, identity: string): string {
  return attachment === 'workload'
    ? `ztunnel at the pod enforces it and sees ${identity}.`
    : 'No waypoint is on this way, so policies with targetRefs do not hold.';
}
