import type { KubeObject } from '../api/resources';
import { PORT } from '../api/ports';

/** A NetworkPolicy, as far as it can keep HBONE away. */
export interface NetworkPolicy extends KubeObject {
  spec?: {
    policyTypes?: string[];
    ingress?: { ports?: PolicyPort[] }[];
    egress?: { ports?: PolicyPort[] }[];
  };
}

interface PolicyPort {
  port?: number | string;
  endPort?: number;
  protocol?: string;
}

/**
 * The directions in which a NetworkPolicy leaves no way for HBONE, which arrives at port 15008 whatever port the
 * application has. Who may come is not looked at: only that no rule names the port.
 */
export function blockedDirections({ spec }: NetworkPolicy): ('ingress' | 'egress')[] {
  const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])];
  const directions = [
    ['Ingress', 'ingress'],
    ['Egress', 'egress'],
  ] as const;
  return directions
    .filter(([type, field]) => types.includes(type) && !(spec?.[field] ?? []).some(({ ports }) => allows(ports)))
    .map(([, field]) => field);
}

/** A rule without ports is for all of them. */
function allows(ports: readonly PolicyPort[] | undefined): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== 'TCP') return false;
    if (port === undefined) return true;
    return typeof port === 'number' && port <= PORT.hbone && PORT.hbone <= (endPort ?? port);
  });
}
