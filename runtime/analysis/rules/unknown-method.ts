import type { AuthorizationPolicy } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

export const unknownMethod = rule<AuthorizationPolicy>({
  code: 'AMB4027',
  severity: 'warning',
  title: 'A policy names no HTTP method',
  why: 'Methods are compared letter for letter and clients write them in capitals: `get` matches no request. A word that is no method in capitals either is an info, since servers may know others (PROPFIND, …). gRPC always uses POST; its methods are paths.',
  aliases: ['KIA0102'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    for (const [i, { to }] of (document.value.spec?.rules ?? []).entries())
      for (const [j, { operation }] of (to ?? []).entries())
        for (const field of ['methods', 'notMethods'] as const)
          for (const [k, method] of (operation?.[field] ?? []).entries()) {
            const path = ['spec', 'rules', i, 'to', j, 'operation', field, k];
            const capitals = method.toUpperCase();
            if (method === '' || method.includes('*') || METHODS.has(method)) continue;
            if (METHODS.has(capitals))
              report(path, `Methods are written in capitals: no request has the method ${method}.`, {
                fixes: [fix(`Write ${capitals}`, true, replaceScalar(document, path, capitals))],
              });
            else report(path, `${method} is no method of HTTP.`, { severity: 'info' });
          }
  },
});
