/** Istio's annotations by the kinds on which they count, as istio.io/api 1.31 defines them (annotation/annotations.yaml). */
const BY_KINDS: readonly (readonly [kinds: readonly string[], names: readonly string[]])[] = [
  [
    ['Pod'],
    [
      'prometheus.istio.io/merge-metrics',
      'sidecar.istio.io/inject',
      'sidecar.istio.io/status',
      'sidecar.istio.io/rewriteAppHTTPProbers',
      'sidecar.istio.io/discoveryAddress',
      'sidecar.istio.io/proxyImage',
      'sidecar.istio.io/proxyImageType',
      'sidecar.istio.io/proxyCPU',
      'sidecar.istio.io/proxyCPULimit',
      'sidecar.istio.io/proxyMemory',
      'sidecar.istio.io/proxyMemoryLimit',
      'sidecar.istio.io/interceptionMode',
      'sidecar.istio.io/bootstrapOverride',
      'sidecar.istio.io/statsInclusionPrefixes',
      'sidecar.istio.io/statsInclusionSuffixes',
      'sidecar.istio.io/statsInclusionRegexps',
      'sidecar.istio.io/statsHistogramBuckets',
      'sidecar.istio.io/statsFlushInterval',
      'sidecar.istio.io/statsEvictionInterval',
      'sidecar.istio.io/statsHistogramBins',
      'sidecar.istio.io/userVolume',
      'sidecar.istio.io/userVolumeMount',
      'status.sidecar.istio.io/port',
      'sidecar.istio.io/logLevel',
      'sidecar.istio.io/componentLogLevel',
      'sidecar.istio.io/agentLogLevel',
      'sidecar.istio.io/nativeSidecar',
      'readiness.status.sidecar.istio.io/initialDelaySeconds',
      'readiness.status.sidecar.istio.io/periodSeconds',
      'readiness.status.sidecar.istio.io/failureThreshold',
      'readiness.status.sidecar.istio.io/applicationPorts',
      'traffic.sidecar.istio.io/includeOutboundIPRanges',
      'traffic.sidecar.istio.io/excludeOutboundIPRanges',
      'traffic.sidecar.istio.io/includeInboundPorts',
      'traffic.sidecar.istio.io/excludeInboundPorts',
      'traffic.sidecar.istio.io/excludeInterfaces',
      'traffic.sidecar.istio.io/includeOutboundPorts',
      'traffic.sidecar.istio.io/excludeOutboundPorts',
      'traffic.sidecar.istio.io/kubevirtInterfaces',
      'proxy.istio.io/config',
      'istio.io/rev',
      'proxy.istio.io/overrides',
      'inject.istio.io/templates',
      'sidecar.istio.io/extraStatTags',
      'ambient.istio.io/redirection',
      'ambient.istio.io/bypass-inbound-capture',
      'istio.io/reroute-virtual-interfaces',
      'ambient.istio.io/dns-capture',
      'sidecar.istio.io/statsCompression',
    ],
  ],
  [
    ['Service'],
    [
      'alpha.istio.io/kubernetes-serviceaccounts',
      'alpha.istio.io/canonical-serviceaccounts',
      'networking.istio.io/exportTo',
      'traffic.istio.io/nodeSelector',
    ],
  ],
  [['Ingress'], ['kubernetes.io/ingress.class']],
  [[], ['galley.istio.io/analyze-suppress', 'gateway.istio.io/controller-version']],
  [['AuthorizationPolicy'], ['istio.io/dry-run']],
  [
    ['WorkloadEntry'],
    [
      'istio.io/autoRegistrationGroup',
      'istio.io/workloadController',
      'istio.io/connectedAt',
      'istio.io/disconnectedAt',
    ],
  ],
  [['Namespace'], ['topology.istio.io/controlPlaneClusters']],
  [['GatewayClass', 'Gateway'], ['ambient.istio.io/waypoint-inbound-binding']],
  [
    ['Gateway'],
    ['gateway.istio.io/service-account', 'gateway.istio.io/name-override', 'networking.istio.io/service-type'],
  ],
  [['Namespace', 'Service', 'ServiceEntry'], ['networking.istio.io/traffic-distribution']],
  [['Service', 'ServiceEntry', 'Namespace'], ['istio.io/use-waypoint-canary-weight']],
];

const ANNOTATIONS: ReadonlyMap<string, readonly string[]> = new Map(
  BY_KINDS.flatMap(([kinds, names]) => names.map((name) => [name, kinds] as const)),
);

/** Annotations that Istio still reads and asks to do without. */
export const DEPRECATED_ANNOTATIONS: ReadonlySet<string> = new Set([
  'alpha.istio.io/kubernetes-serviceaccounts',
  'alpha.istio.io/canonical-serviceaccounts',
  'sidecar.istio.io/inject',
  'sidecar.istio.io/discoveryAddress',
  'sidecar.istio.io/statsInclusionPrefixes',
  'sidecar.istio.io/statsInclusionSuffixes',
  'sidecar.istio.io/statsInclusionRegexps',
  'traffic.sidecar.istio.io/kubevirtInterfaces',
  'sidecar.istio.io/extraStatTags',
  'sidecar.istio.io/statsCompression',
]);

/** Kinds on which an annotation counts, `Pod` for pod templates too, none for any kind; undefined for one that Istio does not know. */
export function kindsOfAnnotation(name: string): readonly string[] | undefined {
  return ANNOTATIONS.get(name);
}

/** Whether a name is in the domain that Istio has for its annotations: `istio.io`, or below it. */
export function isIstioName(name: string): boolean {
  return /^([a-z0-9-]+\.)*istio\.io\//.test(name);
}

/** The annotation that only differs in the case of its letters. */
export function annotationLike(name: string): string | undefined {
  return [...ANNOTATIONS.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
}
