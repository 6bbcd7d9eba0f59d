import type { AuthorizationPolicy } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { parsePath } from '../path';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const matchNeverHolds = rule<AuthorizationPolicy>({
  code: 'AMB4002',
  severity: 'error',
  title: 'A value that the data plane cannot read, or an empty match, never matches',
  why: "A port that is no number, or an address that is none, is skipped; a source or operation of which nothing remains, and one that is written empty, matches nothing. An ALLOW then lets nobody in by this rule, and a DENY keeps nobody out. Istio's webhook refuses such a policy, where it runs.",
  aliases: ['IST0106'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    const { value } = document;
    // The compiler reads values in the same way for a waypoint; only whether it sends the policy hangs on these fields.
    const { rules } = value.spec ?? {};
    const outcome = compileForZtunnel({ ...value, metadata: { name: 'any' }, spec: { rules } }, mesh.settings);
    for (const { path, message } of outcome.kind === 'sent' ? outcome.problems : [])
      // An empty text stands where a value of another type was, which AMB1004 tells.
      if (!message.startsWith('""')) report(parsePath(path), `${message}: the data plane skips it.`);
    for (const [i, { from, to }] of (rules ?? []).entries()) {
      for (const [j, { source }] of (from ?? []).entries())
        if (isEmpty(source))
          report(['spec', 'rules', i, 'from', j, 'source'], 'An empty source matches nobody.', { atKey: true });
      for (const [j, { operation }] of (to ?? []).entries())
        if (isEmpty(operation))
          report(['spec', 'rules', i, 'to', j, 'operation'], 'An empty operation matches nothing.', { atKey: true });
    }
  },
});

function isEmpty(match: object | undefined): boolean {
  return Object.values(match ?? {}).every((values: unknown) => !Array.isArray(values) || values.length === 0);
}
