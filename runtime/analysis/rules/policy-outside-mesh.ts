import { DATAPLANE_MODE } from '../../api/labels';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';
import type { Targeting } from '../istio-objects';
import { wantsSidecar } from '../workspace';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const policyOutsideMesh = rule<Targeting>({
  code: 'AMB2032',
  severity: 'warning',
  title: 'A policy selects pods that are taken out of the mesh',
  why: 'Pods with istio.io/dataplane-mode: none and without a sidecar have no proxy in front of them, so nobody enforces a policy for them.',
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY, PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const labels = document.value.spec?.selector?.matchLabels;
    if (labels === undefined) return;
    const selected = mesh.selected(document.namespace, labels);
    const outside = (workload: (typeof selected)[number]) =>
      workload.labels[DATAPLANE_MODE] === 'none' && !wantsSidecar(workload);
    const [first] = selected;
    if (first === undefined || !selected.every(outside)) return;
    report(
      ['spec', 'selector'],
      `${first.document.kind} ${first.document.name} is out of the mesh (${DATAPLANE_MODE}: none): nobody enforces this policy there.`,
      { atKey: true },
    );
  },
});
