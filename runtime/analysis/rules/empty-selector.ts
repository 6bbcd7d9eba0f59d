import type { AuthorizationPolicy } from '../../api/resources';
import { fix, removePair } from '../edit';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const emptySelector = rule<AuthorizationPolicy>({
  code: 'AMB2033',
  severity: 'warning',
  title: 'A policy with an empty selector holds for no workload',
  why: 'istiod tells ztunnel which workloads a policy with a selector holds for, and finds none for `selector: {}`: nobody asks the policy. With sidecars it holds for the whole namespace, and so it does in ambient mode without the selector, or with `matchLabels: {}`.',
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, report }) {
    const { selector } = document.value.spec ?? {};
    if (selector === undefined || selector.matchLabels !== undefined) return;
    report(
      ['spec', 'selector'],
      'An empty selector finds no workload, so ztunnel never asks this policy; without the selector it holds for the namespace.',
      { atKey: true, fixes: [fix('Leave the selector out', false, removePair(document, ['spec', 'selector']))] },
    );
  },
});
