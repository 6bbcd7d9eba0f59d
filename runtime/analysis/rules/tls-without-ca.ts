import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import type { Path } from '../path';
import { rule } from '../rule';

const MODES = new Set(['SIMPLE', 'MUTUAL']);

interface Tls {
  readonly mode?: string;
  readonly caCertificates?: string;
  readonly credentialName?: string;
  readonly insecureSkipVerify?: boolean;
}

export const tlsWithoutCa = rule<DestinationRule>({
  code: 'AMB5061',
  severity: 'info',
  title: 'A DestinationRule uses TLS without saying whose certificates count',
  why: "Without caCertificates, proxies of older versions check no certificate at all, and newer ones check by the operating system's authorities (VERIFY_CERTIFICATE_AT_CLIENT), which a private authority is not among. Name the file, or a credentialName together with a workloadSelector. insecureSkipVerify: true says that it is on purpose.",
  aliases: ['IST0128', 'IST0129'],
  scope: 'document',
  kinds: [DESTINATION_RULE],
  check({ document, report }) {
    const { host, trafficPolicy, workloadSelector } = document.value.spec ?? {};
    const at: Path = ['spec', 'trafficPolicy'];
    const settings: [Path, Tls | undefined][] = [
      [[...at, 'tls', 'mode'], trafficPolicy?.tls],
      ...(trafficPolicy?.portLevelSettings ?? []).map(({ tls }, index): [Path, Tls | undefined] => [
        [...at, 'portLevelSettings', index, 'tls', 'mode'],
        tls,
      ]),
    ];
    for (const [path, tls] of settings) {
      if (!MODES.has(tls?.mode ?? '') || tls?.caCertificates || tls?.insecureSkipVerify) continue;
      if (tls?.credentialName && workloadSelector) continue;
      report(
        path,
        `No caCertificates: who may answer for ${host} is not checked, or only by the system's authorities.`,
      );
    }
  },
});
