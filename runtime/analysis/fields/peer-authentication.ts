import { typed, type FieldDocs } from './field-docs';
import { istioStatus, workloadSelector } from './shared-types';

const MODE =
  '`STRICT` has ztunnel refuse connections without mTLS, `PERMISSIVE` (the default of the mesh) takes both. `UNSET` inherits from namespace, then mesh. `DISABLE` counts as PERMISSIVE in ambient: traffic between enrolled pods is always mTLS.';

export const peerAuthentication: FieldDocs = {
  '': 'Says whether pods take connections that are not mTLS. ztunnel enforces it at the pod: by selector before namespace before root namespace, the oldest of several. It does not concern a waypoint’s own port.',
  spec: 'Pods and what they demand.',
  'spec.mtls': 'What the pods demand on all ports.',
  'spec.mtls.mode': MODE,
  'spec.portLevelMtls':
    'Exceptions by port of the pod (not of the Service). Needs a `selector`, and is ignored in the root namespace.',
  'spec.portLevelMtls.*': 'What the pods demand on this port.',
  'spec.portLevelMtls.*.mode': MODE,
  'spec.selector': typed(
    'Pods that it is for; without it all of the namespace, and from the root namespace all of the mesh.',
    workloadSelector,
  ),
  status: typed('Written by istiod.', istioStatus),
};
