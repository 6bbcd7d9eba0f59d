import type { IncomingMessage } from 'node:http';
import { forbidden } from '../store/status-error';
import type { Store } from '../store/store';
import { isAllowed, refusalOf, type Attributes } from './authorize';
import type { User } from './user';

const EXTRA = 'impersonate-extra-';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Values of a header that may come several times. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === name);
}

/** The user that the caller asks to act as (`kubectl --as`), or the caller. Throws 403 when the caller may not. */
export function impersonated(request: IncomingMessage, caller: User, store: Store): User {
  const [username] = valuesOf(request, 'impersonate-user');
  const groups = valuesOf(request, 'impersonate-group');
  if (!username) {
    if (groups.length > 0)
      throw forbidden({ group: '', plural: 'groups', kind: '' }, groups[0]!, 'no user is impersonated');
    return caller;
  }
  const account = SERVICE_ACCOUNT.exec(username);
  const wanted: Attributes[] = [
    account
      ? { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: account[1], name: account[2] }
      : { verb: 'impersonate', group: '', resource: 'users', name: username },
    ...groups.map((name) => ({ verb: 'impersonate', group: '', resource: 'groups', name })),
  ];
  for (const what of wanted) {
    if (isAllowed(store, caller, what)) continue;
    throw forbidden({ group: '', plural: what.resource!, kind: '' }, what.name ?? '', refusalOf(caller, what));
  }
  const implied =
    account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [];
  const extra = Object.keys(request.headers)
    .filter((name) => name.startsWith(EXTRA))
    .map((name) => [decodeURIComponent(name.slice(EXTRA.length)), valuesOf(request, name)] as const);
  return {
    username,
    groups: [...groups, ...implied, 'system:authenticated'],
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}
