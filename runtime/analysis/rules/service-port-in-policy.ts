import type { AuthorizationPolicy } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import type { Path } from '../path';
import { rule } from '../rule';
import { podPort } from './pod-port';
import { AUTHORIZATION_POLICY, isForZtunnel } from './ztunnel-policy';

export const servicePortInPolicy = rule<AuthorizationPolicy>({
  code: 'AMB3004',
  severity: 'warning',
  title: 'A policy names the port of a Service where ztunnel compares the port of the pod',
  why: "ztunnel judges a connection at the pod, after the Service has translated its port to targetPort. A rule on the Service's port then never matches: an ALLOW lets nobody in, a DENY keeps nobody out. This is told where a Service of the selected pods has the port, and neither these pods nor a targetPort do.",
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    if (!isForZtunnel(document, mesh)) return;
    const workloads = mesh.selected(document.namespace, document.value.spec?.selector?.matchLabels);
    for (const { path, port } of portPlaces(document.value)) {
      const meant = podPort(port, workloads, mesh);
      if (meant === undefined) continue;
      report(
        path,
        `${port} is the port of Service ${meant.service}; ztunnel compares the pod's port, which is ${meant.port}.`,
        {
          fixes: [fix(`Use the pod's port ${meant.port}`, false, replaceScalar(document, path, String(meant.port)))],
        },
      );
    }
  },
});

function portPlaces(policy: AuthorizationPolicy): { path: Path; port: number }[] {
  return (policy.spec?.rules ?? []).flatMap((rule, i) => {
    const at: Path = ['spec', 'rules', i];
    const places = (values: readonly string[] | undefined, path: Path) =>
      (values ?? []).map((port, index) => ({ path: [...path, index], port: Number(port) }));
    return [
      ...(rule.to ?? []).flatMap(({ operation }, j) => [
        ...places(operation?.ports, [...at, 'to', j, 'operation', 'ports']),
        ...places(operation?.notPorts, [...at, 'to', j, 'operation', 'notPorts']),
      ]),
      ...(rule.when ?? []).flatMap(({ key, values, notValues }, j) =>
        key === 'destination.port'
          ? [...places(values, [...at, 'when', j, 'values']), ...places(notValues, [...at, 'when', j, 'notValues'])]
          : [],
      ),
    ];
  });
}
