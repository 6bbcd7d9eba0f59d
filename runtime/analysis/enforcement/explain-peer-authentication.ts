import type { PeerAuthentication } from '../../api/resources';
import { compilePeerAuthentications } from '../../policy/compile-peer-authentication';
import type { EffectAt } from '../../policy/policy-effects';
import type { MeshDocument } from '../document';
import type { Mesh } from '../workspace';
import { placed, subjectOf, type Enforcement } from './enforcement';
import { workloadEnforcers } from './enforcers';
import { summaryOf } from './summary';

export const PEER_AUTHENTICATION = 'security.istio.io/PeerAuthentication';

/** Explains a PeerAuthentication, through what istiod makes of all of them together. */
export function explainPeerAuthentication(document: MeshDocument<PeerAuthentication>, mesh: Mesh): Enforcement {
  const { namespace, name, value } = document;
  const labels = value.spec?.selector?.matchLabels;
  const selected = mesh.selected(namespace, labels);
  const enforcers = workloadEnforcers(selected, mesh);
  const all = mesh.ofKind<PeerAuthentication>(PEER_AUTHENTICATION).map((other) => other.value);
  const outcome = compilePeerAuthentications(all, mesh.settings);
  const strict = selected.filter((workload) => outcome.policiesForWorkload(workload).length > 0).length;
  const converted = outcome.authorizations.some(
    (policy) => policy.namespace === namespace && policy.name === `converted_peer_authentication_${name}`,
  );
  const selects = Object.keys(labels ?? {}).length > 0;
  const ports = Object.entries(value.spec?.portLevelMtls ?? {}).map(([port, mtls]): EffectAt => {
    const path = `spec.portLevelMtls.${port}`;
    const mode = mtls?.mode ?? 'UNSET';
    if (!selects)
      return { effect: 'void', path, text: `Port ${port} (${mode}): without a selector, ports have no effect.` };
    if (namespace === mesh.settings.rootNamespace)
      return { effect: 'void', path, text: `Port ${port} (${mode}): in the root namespace, ports have no effect.` };
    return converted
      ? { effect: 'kept', path, text: `Port ${port} of the pod (${mode}): ${PORT[mode]}.` }
      : { effect: 'void', path, text: `Port ${port} (${mode}) is as the other ports are.` };
  });
  const mode = value.spec?.mtls?.mode ?? 'UNSET';
  const notes = [
    'ztunnel enforces it at the destination, as a DENY of connections without an identity; a waypoint does not.',
    "Of several on one level the oldest counts: a workload's own before its namespace's before the root namespace's.",
  ];
  if (selected.length > 0)
    notes.push(`By all of them together, ${strict} of ${selected.length} workloads refuse plaintext somewhere.`);
  const effects = placed(document, [{ ...MODE[mode], path: 'spec.mtls.mode' }, ...ports]);
  return {
    subject: subjectOf(document),
    summary: summaryOf(enforcers, effects, 'ztunnel'),
    enforcers,
    effects,
    paths: [],
    notes,
    policies: [],
  };
}

type Mode = NonNullable<NonNullable<NonNullable<PeerAuthentication['spec']>['mtls']>['mode']>;

const MODE: Readonly<Record<Mode, Omit<EffectAt, 'path'>>> = {
  STRICT: { effect: 'kept', text: 'STRICT: ztunnel refuses connections that come in plaintext.' },
  PERMISSIVE: { effect: 'kept', text: 'PERMISSIVE: ztunnel takes HBONE from the mesh and plaintext from elsewhere.' },
  DISABLE: {
    effect: 'dropped',
    text: 'DISABLE is taken as PERMISSIVE: between pods of the mesh ztunnel uses HBONE all the same.',
  },
  UNSET: { effect: 'kept', text: 'No mode: it is inherited from the namespace, the mesh, else PERMISSIVE.' },
};
const PORT: Readonly<Record<Mode, string>> = {
  STRICT: 'plaintext is refused',
  PERMISSIVE: 'plaintext is taken',
  DISABLE: 'plaintext is taken, as with PERMISSIVE',
  UNSET: 'as the other ports',
};
