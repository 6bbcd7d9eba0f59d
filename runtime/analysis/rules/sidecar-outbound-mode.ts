import { SIDECAR, type Sidecar } from '../proxy-objects';
import { rule } from '../rule';

export const sidecarOutboundMode = rule<Sidecar>({
  code: 'AMB4070',
  severity: 'info',
  title: "A Sidecar's outboundTrafficPolicy names no mode",
  why: 'Without a mode the policy is REGISTRY_ONLY, the first value of its enum, and not the ALLOW_ANY of the mesh: hosts that the mesh does not know are refused. Write which of the two is meant.',
  aliases: ['KIA1007'],
  scope: 'document',
  kinds: [SIDECAR],
  check({ document, report }) {
    const policy = document.value.spec?.outboundTrafficPolicy;
    if (policy === undefined || policy.mode !== undefined) return;
    report(['spec', 'outboundTrafficPolicy'], 'Without a mode this is REGISTRY_ONLY: unknown hosts are refused.', {
      atKey: true,
    });
  },
});
