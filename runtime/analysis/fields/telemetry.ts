import { typed, type FieldDocs } from './field-docs';
import { istioStatus, policyTarget, workloadSelector } from './shared-types';

const PROVIDERS = 'Who gets it; the mesh’s default providers without it.';
const PROVIDER_NAME = 'Name of an extension provider in the mesh configuration.';
const MODE =
  '`SERVER` for traffic that comes in, `CLIENT` for traffic that goes out, `CLIENT_AND_SERVER` (default) for both.';

export const telemetry: FieldDocs = {
  '': 'Says what proxies report: metrics, access logs, traces. In ambient waypoints apply it by `targetRefs`; ztunnel reports its L4 metrics and log lines whatever it says.',
  spec: 'What is reported, and by whom.',
  'spec.accessLogging': 'Access logs.',
  'spec.accessLogging.disabled': 'Switches them off.',
  'spec.accessLogging.filter': 'Requests that are logged; all without it.',
  'spec.accessLogging.filter.expression': 'A CEL expression over Envoy’s attributes, `response.code >= 400`.',
  'spec.accessLogging.match': 'Traffic that it is for.',
  'spec.accessLogging.match.mode': MODE,
  'spec.accessLogging.providers': PROVIDERS,
  'spec.accessLogging.providers.name': PROVIDER_NAME,
  'spec.metrics': 'Metrics.',
  'spec.metrics.overrides': 'Changes of single metrics.',
  'spec.metrics.overrides.disabled': 'Switches the metric off.',
  'spec.metrics.overrides.match': 'Metrics that the change is for; all without it.',
  'spec.metrics.overrides.match.customMetric': 'A metric by its name.',
  'spec.metrics.overrides.match.metric': 'One of Istio’s own metrics.',
  'spec.metrics.overrides.match.mode': MODE,
  'spec.metrics.overrides.tagOverrides': 'Changes of labels, by the label’s name.',
  'spec.metrics.overrides.tagOverrides.*': 'Change of this label.',
  'spec.metrics.overrides.tagOverrides.*.operation': '`UPSERT` (default) sets the label, `REMOVE` leaves it out.',
  'spec.metrics.overrides.tagOverrides.*.value': 'A CEL expression for the label’s value, for `UPSERT`.',
  'spec.metrics.providers': PROVIDERS,
  'spec.metrics.providers.name': PROVIDER_NAME,
  'spec.metrics.reportingInterval': 'Time between reports of long connections, 5s by default.',
  'spec.selector': typed(
    'Pods with a sidecar or gateways. Waypoints do not read it: use `targetRefs`. Without both, all of the namespace, and from the root namespace all of the mesh.',
    workloadSelector,
  ),
  'spec.targetRef': typed('One target; `targetRefs` is the newer form.', policyTarget),
  'spec.targetRefs': typed('The waypoint, gateway or Service that it is for.', policyTarget),
  'spec.tracing': 'Traces. ztunnel makes no spans; waypoints do.',
  'spec.tracing.customTags': 'Tags added to spans, by name.',
  'spec.tracing.customTags.*': 'Where the tag’s value comes from.',
  'spec.tracing.customTags.*.environment': 'From an environment variable of the proxy.',
  'spec.tracing.customTags.*.environment.defaultValue': 'Value when it is not set.',
  'spec.tracing.customTags.*.environment.name': 'Name of the variable.',
  'spec.tracing.customTags.*.formatter': 'From Envoy’s command operators.',
  'spec.tracing.customTags.*.formatter.value': 'A format such as `%REQ(:path)%`.',
  'spec.tracing.customTags.*.header': 'From a header of the request.',
  'spec.tracing.customTags.*.header.defaultValue': 'Value when it is not there.',
  'spec.tracing.customTags.*.header.name': 'Name of the header.',
  'spec.tracing.customTags.*.literal': 'A fixed value.',
  'spec.tracing.customTags.*.literal.value': 'The value.',
  'spec.tracing.disableContextPropagation': 'Does not write trace headers into requests that are sent on.',
  'spec.tracing.disableSpanReporting': 'Makes no spans, and still passes the trace’s context on.',
  'spec.tracing.enableIstioTags': 'Whether spans carry Istio’s own tags, by default yes.',
  'spec.tracing.match': 'Traffic that it is for.',
  'spec.tracing.match.mode': MODE,
  'spec.tracing.providers': PROVIDERS,
  'spec.tracing.providers.name': PROVIDER_NAME,
  'spec.tracing.randomSamplingPercentage':
    'Share of requests that are traced, in percent, where the caller has not decided.',
  'spec.tracing.useRequestIdForTraceSampling':
    'Decides by the request’s id, so that all proxies decide alike; by default yes.',
  status: typed('Written by istiod.', istioStatus),
};
