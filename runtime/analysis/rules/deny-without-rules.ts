import type { AuthorizationPolicy } from '../../api/resources';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const denyWithoutRules = rule<AuthorizationPolicy>({
  code: 'AMB5004',
  severity: 'warning',
  title: 'A DENY policy without rules denies nothing',
  why: 'A policy does what it does where one of its rules matches, and without rules none does. To deny everything, write an ALLOW policy without rules (`spec: {}`), or a DENY policy with an empty rule (`rules: [{}]`).',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    const { action, rules } = document.value.spec ?? {};
    if (action !== 'DENY' || rules?.length) return;
    report(['spec', 'action'], 'A DENY policy without rules denies nothing; rules: [{}] would deny everything.');
  },
});
