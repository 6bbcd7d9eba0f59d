import type { AuthorizationPolicy } from '../../api/resources';
import { canonical } from '../canonical';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const duplicatePolicy = rule<AuthorizationPolicy>({
  code: 'AMB4001',
  severity: 'info',
  title: 'A policy says the same as another one',
  why: 'Two policies of one namespace with the same content: the second changes nothing, and whoever edits one of them later will wonder why the other still holds.',
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    const all = mesh.inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, document.namespace);
    // Of the equal ones, only those after the first are told.
    const same = all
      .slice(0, all.indexOf(document))
      .find((other) => other.name !== document.name && contentOf(other.value) === contentOf(document.value));
    if (same === undefined) return;
    report(['metadata', 'name'], `This says the same as AuthorizationPolicy ${same.namespace}/${same.name}.`);
  },
});

/** Worked out once a policy: it is compared with every other. */
const contents = new WeakMap<AuthorizationPolicy, string>();

function contentOf(policy: AuthorizationPolicy): string {
  const known = contents.get(policy) ?? canonical(policy.spec ?? {});
  contents.set(policy, known);
  return known;
}
