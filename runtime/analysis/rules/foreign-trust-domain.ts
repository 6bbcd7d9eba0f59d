import { TRUST_DOMAIN } from '../../api/labels';
import type { AuthorizationPolicy, ConfigMap } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import type { Mesh } from '../workspace';
import { principalPlaces } from './principal-places';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const foreignTrustDomain = rule<AuthorizationPolicy>({
  code: 'AMB3022',
  severity: 'hint',
  title: 'A principal is of another trust domain than the mesh',
  why: 'A principal starts with the trust domain, which is cluster.local unless the mesh is configured otherwise. One that no IstioOperator and no mesh configuration in the files knows may be right, where meshes are federated or the configuration stands elsewhere; often it is a slip, and the principal never matches.',
  aliases: ['KIA0108'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    for (const { path, principal } of principalPlaces(document.value)) {
      const [, domain, rest] = /^([^/*:]+)(\/ns\/.*)$/.exec(principal) ?? [];
      if (domain === undefined || domain === TRUST_DOMAIN || mesh.derived(configurations).includes(domain)) continue;
      report(
        path,
        `${domain} is not the mesh's trust domain, as far as the files tell; its usual one is ${TRUST_DOMAIN}.`,
        {
          fixes: [fix(`Write ${TRUST_DOMAIN}${rest}`, false, replaceScalar(document, path, `${TRUST_DOMAIN}${rest}`))],
        },
      );
    }
  },
});

/** What files say of the mesh's configuration, where trust domains and their aliases stand. */
function configurations(mesh: Mesh): string {
  const operators = mesh.ofKind('install.istio.io/IstioOperator').map(({ value }) => value);
  const maps = mesh.inNamespace<ConfigMap>('/ConfigMap', mesh.settings.rootNamespace).map(({ value }) => value.data);
  return JSON.stringify([operators, maps]);
}
