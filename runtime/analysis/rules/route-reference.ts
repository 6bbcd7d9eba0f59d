import type { HttpRoute, Service } from '../../api/resources';
import { absence } from '../absence';
import { ROUTES, serviceBackends } from '../routes';
import { rule, type RuleContext } from '../rule';
import type { Path } from '../path';
import { choices, corrections } from '../correct';

export const routeReference = rule<HttpRoute>({
  code: 'AMB3006',
  severity: 'hint',
  title: 'A route refers to a Service or port that is not there',
  why: 'Requests that a route sends to a missing Service or port are answered with 500. A Service that stands in no analysed file gives a hint; a Service that is there and lacks the port gives a warning.',
  aliases: ['KIA1402', 'IST0101'],
  scope: 'workspace',
  kinds: ROUTES,
  check(context) {
    const { document } = context;
    for (const [index, parent] of (document.value.spec?.parentRefs ?? []).entries())
      if (parent.kind === 'Service' && (parent.group ?? '') === '')
        check(context, parent, ['spec', 'parentRefs', index]);
    for (const { path, backend } of serviceBackends(document.value)) check(context, backend, path);
  },
});

interface Reference {
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
}

function check({ document, mesh, report }: RuleContext, reference: Reference, path: Path): void {
  const { name, namespace = document.namespace, port } = reference;
  const service = mesh.named<Service>('/Service', namespace, name);
  if (service === undefined) {
    const { nobodyHas, severity } = absence(mesh, '/Service');
    const names = mesh.inNamespace('/Service', namespace).map((other) => other.name);
    report([...path, 'name'], `${nobodyHas} the Service ${namespace}/${name}.`, {
      severity,
      fixes: corrections(document, [...path, 'name'], name, names),
    });
    return;
  }
  const ports = (service.value.spec?.ports ?? []).map((entry) => entry.port);
  if (port === undefined || ports.length === 0 || ports.includes(port)) return;
  report([...path, 'port'], `Service ${namespace}/${name} has no port ${port}, but ${ports.join(', ')}.`, {
    severity: 'warning',
    fixes: choices(document, [...path, 'port'], ports),
  });
}
