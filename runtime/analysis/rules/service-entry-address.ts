import type { KubeObject } from '../../api/resources';
import { SERVICE_ENTRY } from '../istio-objects';
import { rule } from '../rule';

interface Addressed extends KubeObject {
  spec?: {
    hosts?: string[];
    addresses?: string[];
    ports?: { number: number; protocol?: string }[];
    resolution?: string;
  };
}

const ALLOCATE = 'networking.istio.io/enable-autoallocate-ip';

export const serviceEntryAddress = rule<Addressed>({
  code: 'AMB2075',
  severity: 'warning',
  title: 'A ServiceEntry for TCP has no address by which its traffic could be told',
  why: 'TCP carries no host name: proxies tell the ServiceEntry by its address. istiod allocates one where none is written, but not for a host with a wildcard, not for resolution NONE, and not where the label networking.istio.io/enable-autoallocate-ip says false. Then all traffic to the port goes by this entry, or none. Write addresses, or a protocol that names its host (TLS, HTTP).',
  aliases: ['IST0134'],
  scope: 'document',
  kinds: [SERVICE_ENTRY],
  check({ document, report }) {
    const { hosts = [], addresses = [], ports = [], resolution = 'NONE' } = document.value.spec ?? {};
    const off = document.value.metadata.labels?.[ALLOCATE] === 'false';
    const allocated = !off && resolution !== 'NONE' && !hosts.some((host) => host.includes('*'));
    if (addresses.length > 0 || allocated) return;
    for (const [index, { protocol = 'TCP', number }] of ports.entries())
      if (protocol.toUpperCase() === 'TCP')
        report(
          ['spec', 'ports', index, 'number'],
          `Port ${number} is TCP, and neither an address is written nor one allocated.`,
        );
  },
});
