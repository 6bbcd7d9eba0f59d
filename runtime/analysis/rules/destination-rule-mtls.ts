import { objectOfHost } from '../hosts';
import { DESTINATION_RULE, type DestinationRule, type TrafficPolicy } from '../istio-objects';
import type { Path } from '../path';
import { rule } from '../rule';

const MODES = new Set(['ISTIO_MUTUAL', 'DISABLE']);

export const destinationRuleMtls = rule<DestinationRule>({
  code: 'AMB2031',
  severity: 'info',
  title: 'A DestinationRule does not switch mTLS on or off in ambient mode',
  why: 'Among pods of an ambient mesh ztunnel uses mTLS always, and a waypoint does so too, whatever tls.mode a DestinationRule has. The rule and a PeerAuthentication can neither contradict nor complete each other, as they do with sidecars. Leave ISTIO_MUTUAL and DISABLE out.',
  aliases: ['KIA0205', 'KIA0206', 'KIA0207', 'KIA0208'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  ambient: true,
  check({ document, mesh, report }) {
    const { host = '', trafficPolicy, subsets } = document.value.spec ?? {};
    if (objectOfHost(host, document.namespace, mesh)?.kind !== 'Service') return;
    const places = [
      ...placesOf(trafficPolicy, ['spec', 'trafficPolicy']),
      ...(subsets ?? []).flatMap((subset, index) =>
        placesOf(subset.trafficPolicy, ['spec', 'subsets', index, 'trafficPolicy']),
      ),
    ];
    for (const { path, mode } of places)
      if (MODES.has(mode ?? ''))
        report(path, `${mode} changes nothing between pods of an ambient mesh: they use mTLS by HBONE anyway.`);
  },
});

function placesOf(policy: TrafficPolicy | undefined, at: Path): { path: Path; mode: string | undefined }[] {
  return [
    { path: [...at, 'tls', 'mode'], mode: policy?.tls?.mode },
    ...(policy?.portLevelSettings ?? []).map(({ tls }, index) => ({
      path: [...at, 'portLevelSettings', index, 'tls', 'mode'],
      mode: tls?.mode,
    })),
  ];
}
