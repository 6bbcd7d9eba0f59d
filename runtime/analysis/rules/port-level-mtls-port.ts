import type { PeerAuthentication } from '../../api/resources';
import { fix, replacePair } from '../edit';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';
import { hasPort, podPort } from './pod-port';

export const portLevelMtlsPort = rule<PeerAuthentication>({
  code: 'AMB3023',
  severity: 'hint',
  title: 'portLevelMtls names a port that no selected pod has',
  why: "The ports of portLevelMtls are those of pods. A number that is the Service's and not the pod's gives a warning: the port keeps the mode of the whole workload. One that no selected pod names as a containerPort gives a hint.",
  aliases: [],
  scope: 'workspace',
  kinds: [PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const { selector, portLevelMtls } = document.value.spec ?? {};
    const workloads = mesh.selected(document.namespace, selector?.matchLabels);
    for (const [port, mode] of Object.entries(portLevelMtls ?? {})) {
      const path = ['spec', 'portLevelMtls', port];
      const meant = podPort(Number(port), workloads, mesh);
      if (meant)
        report(
          path,
          `${port} is the port of Service ${meant.service}; this compares the pod's port, which is ${meant.port}.`,
          {
            atKey: true,
            severity: 'warning',
            fixes: [
              fix(`Use the pod's port ${meant.port}`, false, replacePair(document, path, String(meant.port), mode)),
            ],
          },
        );
      // A pod that names no ports may listen on any.
      else if (workloads.some(({ ports }) => ports.length > 0) && !hasPort(Number(port), workloads))
        report(path, `No selected pod names the port ${port}.`, { atKey: true });
    }
  },
});
