import type { Pod, PodSpec } from '../../api/resources';
import { rule } from '../rule';
import type { Path } from '../path';
import { wantsSidecar } from '../workspace';
import { podSpecOf, SIDECAR_CONTAINER } from './pod-spec';

/** The user id of Envoy in a sidecar; its own traffic is told from the application's by it. */
const PROXY_UID = 1337;

export const applicationUid = rule<Pod>({
  code: 'AMB5060',
  severity: 'warning',
  title: 'An application beside a sidecar runs as user 1337',
  why: "Capture leaves the traffic of user 1337 alone, since it is the sidecar's own. An application of that user goes past the sidecar: no mTLS, no policy. In ambient mode capture goes by a mark and not by the user, so nothing is told there.",
  aliases: ['IST0144'],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'],
  check({ document, mesh, report }) {
    const workload = mesh.workloadOf(document);
    if (workload === undefined) return;
    const mode = wantsSidecar(workload) ? 'sidecar' : mesh.modeOf(workload.namespace);
    if (mode === 'ambient') return;
    const { spec, path } = podSpecOf(document);
    for (const place of placesOf(spec, path))
      report(place, 'The sidecar lets the traffic of user 1337 pass: this application would be outside the mesh.', {
        severity: mode === 'sidecar' ? 'warning' : 'hint',
      });
  },
});

/** Where the pod, or a container that is not the sidecar, is given the sidecar's user. */
function placesOf({ securityContext, containers = [] }: Partial<PodSpec>, path: Path): Path[] {
  return [
    ...(securityContext?.runAsUser === PROXY_UID ? [[...path, 'securityContext', 'runAsUser']] : []),
    ...containers.flatMap((container, index) =>
      container.name !== SIDECAR_CONTAINER && container.securityContext?.runAsUser === PROXY_UID
        ? [[...path, 'containers', index, 'securityContext', 'runAsUser']]
        : [],
    ),
  ];
}
