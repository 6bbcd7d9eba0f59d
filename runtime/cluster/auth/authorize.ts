import type { Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import type { Store } from '../store/store';
import type { User } from './user';

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}
interface Role extends KubeObject {
  rules?: PolicyRule[];
}
interface Binding extends KubeObject {
  subjects?: { kind: string; name: string; namespace?: string }[];
  roleRef: { kind: string; name: string };
}

/** What is about to be done: to a resource, or to a path that is none. */
export interface Attributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Set instead of a resource. */
  readonly path?: string;
}

const rbac = (kind: string, plural: string, namespaced: boolean): Kind => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced,
});
export const RBAC = {
  Role: rbac('Role', 'roles', true),
  ClusterRole: rbac('ClusterRole', 'clusterroles', false),
  RoleBinding: rbac('RoleBinding', 'rolebindings', true),
  ClusterRoleBinding: rbac('ClusterRoleBinding', 'clusterrolebindings', false),
};

const has = (list: readonly string[] | undefined, ...wanted: string[]): boolean =>
  list?.some((item) => item === '*' || wanted.includes(item)) ?? false;

function ruleAllows(rule: PolicyRule, what: Attributes): boolean {
  if (!has(rule.verbs, what.verb)) return false;
  if (what.path !== undefined) {
    const path = what.path;
    return (rule.nonResourceURLs ?? []).some(
      (url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))),
    );
  }
  const resource = what.resource ?? '';
  const names = what.subresource ? [`${resource}/${what.subresource}`, `*/${what.subresource}`] : [resource];
  return (
    has(rule.apiGroups, what.group ?? '') &&
    has(rule.resources, ...names) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(what.name ?? ''))
  );
}

function appliesTo(binding: Binding, user: User): boolean {
  return (binding.subjects ?? []).some((subject) => {
    if (subject.kind === 'User') return subject.name === user.username;
    if (subject.kind === 'Group') return user.groups.includes(subject.name);
    const namespace = subject.namespace ?? binding.metadata.namespace;
    return user.username === `system:serviceaccount:${namespace}:${subject.name}`;
  });
}

/** Every rule that a user has in a namespace, cluster-wide ones first. */
export function* rulesFor(store: Store, user: User, namespace: string | undefined): Generator<PolicyRule> {
  for (const binding of store.list<Binding>(RBAC.ClusterRoleBinding)) {
    if (!appliesTo(binding, user)) continue;
    yield* store.get<Role>(RBAC.ClusterRole, undefined, binding.roleRef.name)?.rules ?? [];
  }
  if (!namespace) return;
  for (const binding of store.list<Binding>(RBAC.RoleBinding, namespace)) {
    if (!appliesTo(binding, user)) continue;
    const kind = binding.roleRef.kind === 'ClusterRole' ? RBAC.ClusterRole : RBAC.Role;
    yield* store.get<Role>(kind, namespace, binding.roleRef.name)?.rules ?? [];
  }
}

/** Role-based access control over the stored roles and bindings; `system:masters` may do everything. */
export function isAllowed(store: Store, user: User, what: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  for (const rule of rulesFor(store, user, what.namespace)) if (ruleAllows(rule, what)) return true;
  return false;
}

/** The refusal's text, as the API server words it. */
export function refusalOf(user: User, what: Attributes): string {
  const who = `User "${user.username}" cannot ${what.verb}`;
  if (what.path !== undefined) return `${who} path "${what.path}"`;
  const resource = what.subresource ? `${what.resource}/${what.subresource}` : what.resource;
  const where = what.namespace ? `in the namespace "${what.namespace}"` : 'at the cluster scope';
  return `${who} resource "${resource}" in API group "${what.group ?? ''}" ${where}`;
}
