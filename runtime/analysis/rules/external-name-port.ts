import type { Service } from '../../api/resources';
import { rule } from '../rule';

export const externalNamePort = rule<Service>({
  code: 'AMB2074',
  severity: 'warning',
  title: 'A Service of type ExternalName has a TCP port',
  why: "A sidecar knows no address of such a Service, so for a port that is not HTTP or TLS it can only listen on all addresses at the port's number, and takes the traffic of others there. ztunnel knows no ExternalName at all. Name the port for what it speaks, or write a ServiceEntry.",
  aliases: ['IST0150'],
  scope: 'document',
  kinds: ['/Service'],
  check({ document, report }) {
    const { spec } = document.value;
    if (spec?.type !== 'ExternalName') return;
    for (const [index, { name, appProtocol }] of (spec.ports ?? []).entries()) {
      const field = appProtocol === undefined ? 'name' : 'appProtocol';
      if ((appProtocol ?? name) === 'tcp')
        report(
          ['spec', 'ports', index, field],
          'A TCP port of an ExternalName takes traffic that is meant for others.',
        );
    }
  },
});
