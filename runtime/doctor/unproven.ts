/** Something that the project's own tests cannot reach, and how somebody with a cluster can. */
export interface Unproven {
  readonly what: string;
  readonly command: string;
  /** What is worth reporting. */
  readonly report: string;
}

/** Told by `ambient doctor`, and in docs/doctor.md. */
export const UNPROVEN: readonly Unproven[] = [
  {
    what: "Counters and access logs of upstream's own ztunnel: read in the documented format, never from the binary",
    command: 'ambient flows --for 30',
    report: 'flows that are missing or counted twice, beside istioctl ztunnel-config connections',
  },
  {
    what: "Counters and access logs of upstream's waypoint (Envoy with Istio's extension)",
    command: 'ambient flows --for 30 -o json',
    report: 'denied requests that are shown as allowed, or the reverse',
  },
  {
    what: "Capture by upstream's CNI node agent after ambient enroll",
    command: 'ambient enroll NAMESPACE && ambient status',
    report: 'pods that stay "not captured", with the log of istio-cni-node',
  },
  {
    what: "Installation by Helm, and istioctl's with upstream's own images from the network",
    command: 'ambient up --engine istio --install --dry-run',
    report: 'a step that fails, with its output',
  },
  {
    what: 'Managed clusters (EKS, GKE, AKS), and logins by a program of the kubeconfig',
    command: 'ambient up --engine istio --context NAME',
    report: 'a login that fails, or production that is not recognised as such',
  },
  {
    what: 'macOS and Windows',
    command: 'ambient doctor --engine container',
    report: 'every line that is not ok',
  },
  {
    what: 'More than one cluster, more than one network',
    command: 'ambient flows --for 30 -o json',
    report: 'names of nodes that are "unknown"',
  },
];
