import type { KubeObject } from '../../api/resources';
import { rule } from '../rule';

interface Definition extends KubeObject {
  spec?: { group?: string; names?: { kind?: string } };
}

const DEFINITION = 'apiextensions.k8s.io/CustomResourceDefinition';
const GROUP = 'rbac.istio.io';
const KINDS = ['ClusterRbacConfig', 'RbacConfig', 'ServiceRole', 'ServiceRoleBinding'];

export const removedKind = rule<Definition>({
  code: 'AMB6062',
  severity: 'warning',
  title: 'A kind that Istio has removed',
  why: 'ServiceRole, ServiceRoleBinding, RbacConfig and ClusterRbacConfig have been without effect since Istio 1.6. What they allowed or denied is open or closed by other rules now: write an AuthorizationPolicy.',
  aliases: ['IST0002'],
  scope: 'document',
  kinds: [DEFINITION, ...KINDS.map((kind) => `${GROUP}/${kind}`)],
  check({ document, report }) {
    const { group, names } = document.value.spec ?? {};
    if (document.group === GROUP)
      report(['kind'], `Istio has removed ${document.kind}: this object does nothing. Write an AuthorizationPolicy.`);
    else if (group === GROUP && KINDS.includes(names?.kind ?? ''))
      report(['spec', 'names', 'kind'], `Istio has removed ${names?.kind}; its definition can go.`);
  },
});
