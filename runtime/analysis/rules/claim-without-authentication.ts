import type { AuthorizationPolicy } from '../../api/resources';
import { labelsMatch } from '../../policy/compile-peer-authentication';
import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { gatewayWorkloads, ISTIO_GATEWAY, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';

/** A header of this form is no header, but a claim of the token that was checked. */
const CLAIM = /^@request\.auth\.claims[.[]/;

export const claimWithoutAuthentication = rule<VirtualService>({
  code: 'AMB3066',
  severity: 'warning',
  title: 'A route by claims at a gateway that checks no tokens',
  why: 'A match on @request.auth.claims reads the token that a RequestAuthentication has checked. Where none holds for the gateway, the claims are never there: the route is never taken, or with withoutHeaders always. It is told where files have the gateway.',
  aliases: ['IST0149'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    const { http = [], gateways = [] } = document.value.spec ?? {};
    const places = http.flatMap(({ match }, route) =>
      (match ?? []).flatMap((condition, index) =>
        (['headers', 'withoutHeaders'] as const).flatMap((field) =>
          Object.keys((condition[field] as object | undefined) ?? {})
            .filter((key) => CLAIM.test(key))
            .map((key) => ['spec', 'http', route, 'match', index, field, key]),
        ),
      ),
    );
    const unchecked = gateways
      .flatMap((reference) => {
        const [name = '', namespace = document.namespace] = reference.split('/').reverse();
        const gateway = mesh.named<IstioGateway>(ISTIO_GATEWAY, namespace, name);
        return gateway ? gatewayWorkloads(gateway, mesh) : [];
      })
      .find((workload) =>
        [workload.namespace, mesh.settings.rootNamespace]
          // It has the selector of an AuthorizationPolicy.
          .flatMap((namespace) =>
            mesh.inNamespace<AuthorizationPolicy>('security.istio.io/RequestAuthentication', namespace),
          )
          .every(({ value }) => !labelsMatch(value.spec?.selector?.matchLabels, workload.labels)),
      );
    if (unchecked === undefined) return;
    for (const path of places)
      report(
        path,
        `No RequestAuthentication holds for gateway ${unchecked.namespace}/${unchecked.document.name}, so it knows no claims.`,
        {
          atKey: true,
        },
      );
  },
});
