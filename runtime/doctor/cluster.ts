import { KIND } from '../api/kinds';
import { WAYPOINT_CLASS } from '../api/labels';
import { detect, installationNotes, isTooOld, LEAST_VERSION, type Installation } from '../engine/istio/detect';
import { hasGatewayApi } from '../engine/istio/install';
import { missingPermissions, permissionLines } from '../engine/istio/permissions';
import { productionSigns } from '../engine/istio/production';
import { MeshError } from '../errors';
import { apiError, type KubeClient } from '../kube/client';
import { check, fail, ok, skipped, warn, type Check, type Finding } from './check';

async function api(client: KubeClient): Promise<Finding> {
  const { status, body } = await client.request('GET', '/version');
  if (status !== 200) throw apiError(status, body, 'GET /version');
  const { gitVersion } = JSON.parse(body) as { gitVersion?: string };
  return ok(`${client.server} answers, Kubernetes ${gitVersion ?? 'of unknown version'}`);
}

async function permissions(client: KubeClient): Promise<Finding> {
  const missing = await missingPermissions(client);
  if (missing.length === 0) return ok('everything that the views, the traffic and the commands need');
  const vital = missing.some(({ need }) => need === 'view');
  const detail = `not allowed: ${permissionLines(missing).join('; ')}`;
  const remedy = 'Ask for these rights in the whole cluster, or do without what they are for.';
  return vital ? fail(detail, remedy) : warn(detail, remedy);
}

function production(client: KubeClient): Finding {
  const signs = productionSigns(client);
  return signs.length === 0
    ? ok(`context ${client.context} does not look like production`)
    : warn(`context ${client.context} looks like production: ${signs.join(', ')}`, 'Every write asks first.');
}

function version({ istiod, version: found, own }: Installation): Finding {
  if (istiod === undefined)
    return fail('no istiod runs', 'See what an installation would run: ambient up --engine istio --install --dry-run');
  if (own) return ok('our own runtime');
  if (found === undefined) return warn('istiod does not tell its version');
  return isTooOld(found)
    ? fail(`Istio ${found}; ${LEAST_VERSION.join('.')} or later is needed`, 'Upgrade Istio.')
    : ok(`Istio ${found}`);
}

function components(installation: Installation): Finding {
  const { istiod, ztunnel, cni } = installation;
  if (istiod === undefined) return skipped('no istiod runs');
  if (ztunnel === undefined)
    return fail('no ztunnel DaemonSet: ambient mode is not installed', 'Install the ambient profile.');
  const notes = installationNotes(installation).filter((note) => !note.includes('version'));
  if (notes.length > 0) return warn(notes.join('; '), 'See kubectl -n istio-system get pods, and ambient logs istiod.');
  const words = [istiod, ztunnel, cni].flatMap((part) => part && `${part.name} ${part.ready}/${part.wanted}`);
  return ok(words.join(', '));
}

async function gatewayApi(client: KubeClient): Promise<Finding> {
  if (!(await hasGatewayApi(client)))
    return fail('the Gateway API is not installed: waypoints cannot be', 'Install its definitions (standard channel).');
  const found = await client.get(KIND.GatewayClass, WAYPOINT_CLASS);
  return found === undefined
    ? warn(`there is no GatewayClass ${WAYPOINT_CLASS}`, 'istiod makes it where ambient mode is on; see its log.')
    : ok(`GatewayClass ${WAYPOINT_CLASS} is there`);
}

/** The API, what its user may do, and Istio's components; nothing further is looked at where the API does not answer. */
export async function clusterChecks(client: KubeClient): Promise<{ checks: Check[]; installation?: Installation }> {
  const first = await check('cluster', 'Kubernetes API', () => api(client));
  if (first.state === 'fail') return { checks: [first] };
  let installation: Installation | undefined;
  const found = await check('cluster', 'Istio', async () => {
    installation = await detect(client);
    return version(installation);
  });
  const checks = await Promise.all([
    first,
    check('cluster', 'permissions', () => permissions(client)),
    check('cluster', 'production', () => production(client)),
    found,
    check('cluster', 'components', () => {
      if (installation === undefined) throw new MeshError('AMB_ERR_ISTIO_MISSING', { context: client.context });
      return components(installation);
    }),
    check('cluster', 'Gateway API', () => gatewayApi(client)),
  ]);
  return { checks, installation };
}
