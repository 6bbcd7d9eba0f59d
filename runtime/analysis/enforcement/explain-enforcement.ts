import type { MeshDocument } from '../document';
import { SERVICE_ENTRY } from '../istio-objects';
import { AUTHORIZATION_POLICY } from '../rules/ztunnel-policy';
import type { Mesh } from '../workspace';
import type { Enforcement } from './enforcement';
import { ATTACHED_KINDS, explainAttached } from './explain-attached';
import { explainAuthorization } from './explain-authorization';
import { explainPeerAuthentication, PEER_AUTHENTICATION } from './explain-peer-authentication';
import { explainService, explainWorkload } from './explain-workload';

/**
 * Says who enforces a policy, route, workload or Service, seeing which identity, and what becomes of its parts. Pure:
 * the same values that `analyze` judges, files alone or files and a live mesh (`meshOf`).
 *
 * @returns undefined for a kind that nobody enforces
 * @see protocol reference 5.1, 5.5, 6 and 7
 */
export function explainEnforcement(document: MeshDocument, mesh: Mesh): Enforcement | undefined {
  const kind = `${document.group}/${document.kind}`;
  if (kind === AUTHORIZATION_POLICY) return explainAuthorization(document, mesh);
  if (kind === PEER_AUTHENTICATION) return explainPeerAuthentication(document, mesh);
  if (ATTACHED_KINDS.has(kind)) return explainAttached(document, mesh);
  if (kind === '/Service' || kind === SERVICE_ENTRY) return explainService(document as MeshDocument<never>, mesh);
  const workload = mesh.workloadOf(document);
  return workload && explainWorkload(workload, mesh);
}
