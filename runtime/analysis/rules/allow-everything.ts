import type { AuthorizationPolicy, AuthorizationRule } from '../../api/resources';
import type { MeshDocument } from '../document';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY, isAllow } from './ztunnel-policy';

export const allowEverything = rule<AuthorizationPolicy>({
  code: 'AMB5001',
  severity: 'warning',
  title: 'An ALLOW rule without conditions opens everything that its policy holds for',
  why: 'A rule without from, to and when matches every connection, and one ALLOW that matches is enough: all other ALLOW policies for the same workloads are void. Often an empty policy (`spec: {}`, which denies) was meant. Where no file has another ALLOW policy for the same scope, this is a hint.',
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    if (!isAllow(document.value)) return;
    const open = (document.value.spec?.rules ?? []).findIndex(isOpen);
    if (open < 0) return;
    const all = mesh.inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, document.namespace);
    const voided = all.filter((other) => other !== document && isVoidedBy(other, document));
    const path = ['spec', 'rules', open];
    if (voided.length === 0) report(path, 'This rule allows everything.', { severity: 'hint' });
    else {
      const names = voided.map(({ name }) => name).join(', ');
      report(path, `This rule allows everything, so these ALLOW policies no longer keep anybody out: ${names}.`);
    }
  },
});

function isOpen({ from, to, when }: AuthorizationRule): boolean {
  return !from?.length && !to?.length && !when?.length;
}

/** Whether a policy is a narrower ALLOW for what the open one holds for: its whole namespace, or the same target. */
function isVoidedBy(other: MeshDocument<AuthorizationPolicy>, open: MeshDocument<AuthorizationPolicy>): boolean {
  const { spec } = other.value;
  if (other.name === open.name) return false;
  if (!isAllow(other.value) || (spec?.rules ?? []).some(isOpen)) return false;
  const scope = ({ value }: MeshDocument<AuthorizationPolicy>): string =>
    JSON.stringify([value.spec?.selector?.matchLabels, value.spec?.targetRef, value.spec?.targetRefs]);
  const wholeNamespace = !open.value.spec?.selector && !open.value.spec?.targetRef && !open.value.spec?.targetRefs;
  const byTarget = Boolean(spec?.targetRef ?? spec?.targetRefs);
  return wholeNamespace ? !byTarget : scope(other) === scope(open);
}
