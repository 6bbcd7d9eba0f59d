import type { AuthorizationPolicy, Gateway } from '../../api/resources';
import { parseIdentity } from '../../policy/identity';
import { absence } from '../absence';
import { choices } from '../correct';
import { nearest } from '../nearest';
import type { MeshDocument } from '../document';
import type { Path } from '../path';
import { rule } from '../rule';
import type { Mesh } from '../workspace';
import { principalPlaces } from './principal-places';
import { AUTHORIZATION_POLICY, GATEWAY } from './ztunnel-policy';

const ACCOUNT = '/ServiceAccount';

export const serviceAccountNotFound = rule<AuthorizationPolicy>({
  code: 'AMB3002',
  severity: 'hint',
  title: 'A policy names a service account that is not there',
  why: 'A principal is <trust domain>/ns/<namespace>/sa/<service account>; serviceAccounts are written <namespace>/<service account>, or the account alone for one of the own namespace. Where files have objects of that namespace, but no such service account, no workload that runs as it and no gateway of that name, it may be a slip: nothing would ever match it.',
  aliases: ['KIA0106'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    for (const { path, written, namespace, serviceAccount } of accountPlaces(document)) {
      if (isKnown(namespace, serviceAccount, mesh)) continue;
      const { nobodyHas, severity } = absence(mesh, ACCOUNT);
      const accounts = [
        ...mesh.inNamespace(ACCOUNT, namespace).map(({ name }) => name),
        ...mesh.selected(namespace, {}).map((workload) => workload.serviceAccount),
      ];
      const right = nearest(serviceAccount, accounts).map((name) => written.replace(/[^/]+$/, name));
      report(path, `${nobodyHas} the service account ${serviceAccount} of namespace ${namespace}.`, {
        severity,
        fixes: choices(document, path, right),
      });
    }
  },
});

interface AccountPlace {
  readonly path: Path;
  readonly written: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Every service account that a policy names in whole, by a principal or in serviceAccounts. */
function accountPlaces({ namespace: own, value }: MeshDocument<AuthorizationPolicy>): AccountPlace[] {
  const principals = principalPlaces(value).flatMap(({ path, principal: written }): AccountPlace[] => {
    const identity = written.includes('*') ? undefined : parseIdentity(`spiffe://${written}`);
    if (identity === undefined) return [];
    return [{ path, written, namespace: identity.namespace, serviceAccount: identity.serviceAccount }];
  });
  const accounts = (value.spec?.rules ?? []).flatMap(({ from }, i) =>
    (from ?? []).flatMap(({ source }, j) =>
      (['serviceAccounts', 'notServiceAccounts'] as const).flatMap((field) =>
        (source?.[field] ?? []).map((written, k) => {
          const [serviceAccount = '', namespace = own] = written.split('/').reverse();
          return { path: ['spec', 'rules', i, 'from', j, 'source', field, k], written, namespace, serviceAccount };
        }),
      ),
    ),
  );
  return [...principals, ...accounts];
}

/** Whether the account exists, or the files tell too little of its namespace to doubt it. */
function isKnown(namespace: string, name: string, mesh: Mesh): boolean {
  const accounts = mesh.inNamespace(ACCOUNT, namespace);
  const workloads = mesh.selected(namespace, {}).filter((workload) => workload.namespace === namespace);
  if (name === 'default') return true;
  if (accounts.length + workloads.length === 0 && !mesh.live?.kinds.has(ACCOUNT)) return true;
  return (
    accounts.some((account) => account.name === name) ||
    workloads.some((workload) => workload.serviceAccount === name) ||
    // A gateway's pods run as a service account of the gateway's name.
    mesh.named<Gateway>(GATEWAY, namespace, name) !== undefined
  );
}
