import { APP } from '../../api/labels';
import type { Deployment } from '../../api/resources';
import { rule } from '../rule';
import { podSpecOf } from './pod-spec';

const VARIABLE = 'BLOCKED_CIDRS_IN_JWKS_URIS';

export const jwksFetch = rule<Deployment>({
  code: 'AMB5062',
  severity: 'info',
  title: 'istiod fetches key sets from any address',
  why: 'Whoever may write a RequestAuthentication chooses its jwksUri, and istiod fetches it with its own reach, also to addresses inside the cluster. BLOCKED_CIDRS_IN_JWKS_URIS on istiod keeps it from the ranges that it names. Told where files have both istiod and a RequestAuthentication.',
  aliases: ['IST0175'],
  scope: 'workspace',
  kinds: ['apps/Deployment'],
  check({ document, mesh, report }) {
    if (document.value.metadata.labels?.['app'] !== APP.istiod) return;
    if (mesh.ofKind('security.istio.io/RequestAuthentication').length === 0) return;
    const { spec, path } = podSpecOf(document);
    const variables = (spec.containers ?? []).flatMap(({ env }) => env ?? []);
    if (variables.some(({ name, value }) => name === VARIABLE && value)) return;
    report([...path, 'containers'], `Without ${VARIABLE}, istiod fetches a jwksUri from any address.`, { atKey: true });
  },
});
