import type { AuthorizationPolicy } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { l7Attributes } from '../../policy/compile-for-ztunnel';
import { canonical } from '../canonical';
import type { MeshDocument } from '../document';
import { elementPlace } from '../element-place';
import { covers } from '../policy-cover';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY, isAllow } from './ztunnel-policy';

export const allowUnderDeny = rule<AuthorizationPolicy>({
  code: 'AMB4025',
  severity: 'warning',
  title: 'An ALLOW rule lets nobody in, since a DENY rule keeps all of them out',
  why: 'DENY policies are asked first. An ALLOW rule that matches only what a DENY rule for the same workloads matches never lets anybody in.',
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    if (!isAllow(document.value)) return;
    const denies = mesh
      .inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, document.namespace)
      .filter((other) => other.value.spec?.action === 'DENY' && holdsFor(other, document));
    for (const [index, allowed] of (document.value.spec?.rules ?? []).entries()) {
      const deny = denies.find(({ value }) => enforced(value).some((denied) => covers(denied, allowed)));
      const { path, atKey } = elementPlace(['spec', 'rules', index], allowed);
      if (deny)
        report(path, `AuthorizationPolicy ${deny.name} denies all that this rule allows.`, {
          atKey,
          related: [{ document: deny, path: ['metadata', 'name'], message: 'The DENY policy' }],
        });
    }
  },
});

/** Whether a policy holds for all that another one holds for: for its namespace, or for the same workloads or targets. */
function holdsFor(wide: MeshDocument<AuthorizationPolicy>, narrow: MeshDocument<AuthorizationPolicy>): boolean {
  const scope = ({ value }: MeshDocument<AuthorizationPolicy>): string =>
    canonical([value.spec?.selector?.matchLabels ?? null, targetsOf(value)]);
  const targets = targetsOf(narrow.value).length;
  const everywhere = wide.value.spec?.selector === undefined && targetsOf(wide.value).length === 0;
  return scope(wide) === scope(narrow) || (everywhere && targets === 0);
}

/** The rules of a DENY policy that are enforced as they are written: ztunnel leaves HTTP fields out. */
function enforced(policy: AuthorizationPolicy) {
  const rules = policy.spec?.rules ?? [];
  return targetsOf(policy).length > 0 ? rules : rules.filter((denied) => l7Attributes(denied).length === 0);
}
