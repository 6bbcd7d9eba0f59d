import type { AuthorizationPolicy } from '../../api/resources';
import type { Path } from '../path';
import { absence } from '../absence';
import { rule } from '../rule';
import { isKnownNamespace } from './known-namespace';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const sourceNamespaceNotFound = rule<AuthorizationPolicy>({
  code: 'AMB3025',
  severity: 'hint',
  title: 'A policy names a namespace that is not there',
  why: 'Nobody comes from a namespace that does not exist: an ALLOW lets nobody in by it, a DENY keeps nobody out. Told only where files have at least three Namespaces; the cluster may have others.',
  aliases: ['KIA0101'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    for (const { path, name } of namespacePlaces(document.value)) {
      if (name === '' || name.includes('*') || isKnownNamespace(name, mesh)) continue;
      const { nobodyHas, severity } = absence(mesh, '/Namespace');
      report(path, `${nobodyHas} the Namespace ${name}.`, { severity });
    }
  },
});

function namespacePlaces(policy: AuthorizationPolicy): { path: Path; name: string }[] {
  const places = (values: readonly string[] | undefined, path: Path) =>
    (values ?? []).map((name, index) => ({ path: [...path, index], name }));
  return (policy.spec?.rules ?? []).flatMap(({ from, when }, i) => [
    ...(from ?? []).flatMap(({ source }, j) =>
      (['namespaces', 'notNamespaces'] as const).flatMap((field) =>
        places(source?.[field], ['spec', 'rules', i, 'from', j, 'source', field]),
      ),
    ),
    ...(when ?? []).flatMap((condition, j) =>
      condition.key === 'source.namespace'
        ? (['values', 'notValues'] as const).flatMap((field) =>
            places(condition[field], ['spec', 'rules', i, 'when', j, field]),
          )
        : [],
    ),
  ]);
}
