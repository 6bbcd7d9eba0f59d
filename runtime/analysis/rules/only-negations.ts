import type { AuthorizationPolicy, AuthorizationSource } from '../../api/resources';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY, isAllow } from './ztunnel-policy';

export const onlyNegations = rule<AuthorizationPolicy>({
  code: 'AMB5022',
  severity: 'info',
  title: 'An ALLOW rule says only who may not come',
  why: 'A source of nothing but negations (notPrincipals, notNamespaces, …) matches everybody else: also clients outside the mesh, which have no identity. To keep somebody out, write a DENY policy; to let somebody in, name them.',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    if (!isAllow(document.value)) return;
    for (const [i, { from }] of (document.value.spec?.rules ?? []).entries())
      for (const [j, { source }] of (from ?? []).entries()) {
        const fields = writtenFields(source);
        if (fields.length === 0 || !fields.every((field) => field.startsWith('not'))) continue;
        const path = ['spec', 'rules', i, 'from', j, 'source', fields[0] ?? ''];
        report(path, 'This lets everybody else in, also clients outside the mesh, which have no identity.', {
          atKey: true,
        });
      }
  },
});

function writtenFields(source: AuthorizationSource | undefined): string[] {
  return Object.entries((source ?? {}) as Record<string, readonly string[]>)
    .filter(([, values]) => values.length > 0)
    .map(([field]) => field);
}
