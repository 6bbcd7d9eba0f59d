import { isIP } from 'node:net';
import type { Node } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb';
import type { CallerIdentity } from '../auth/caller';

/** Who a proxy says it is in its first request. */
export interface ProxyNode {
  readonly id: string;
  readonly type: string;
  readonly ip: string;
  /** `<pod>.<namespace>` */
  readonly pod: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type NodeReading = { readonly node: ProxyNode } | { readonly problem: string };

const TYPES = new Set(['sidecar', 'router', 'waypoint', 'ztunnel', 'agentgateway']);

/**
 * Reads a node id, `<type>~<ip>~<pod>.<namespace>~<domain>`.
 *
 * @see protocol reference 1.8
 */
export function readNode(node: Node): NodeReading {
  const parts = node.id.split('~');
  const [type = '', ip = '', pod = ''] = parts;
  if (parts.length !== 4) return { problem: `missing parts in the service node "${node.id}"` };
  if (!TYPES.has(type)) return { problem: `invalid node type (valid types: ${[...TYPES].join(', ')}) in "${node.id}"` };
  if (isIP(ip) === 0) return { problem: `no valid IP address in the service node "${node.id}"` };
  return { node: { id: node.id, type, ip, pod, metadata: node.metadata ?? {} } };
}

/**
 * Compares what a proxy says with who it proved to be: the namespace must be the caller's, and so must the service
 * account if it names one.
 *
 * @returns what is wrong, or undefined
 * @see protocol reference 1.1, `checkConnectionIdentity`
 */
export function identityProblem({ metadata }: ProxyNode, caller: CallerIdentity): string | undefined {
  const namespace = text(metadata['NAMESPACE']);
  if (namespace !== caller.namespace) {
    return `namespace "${namespace}" of the node is not that of the caller, "${caller.namespace}"`;
  }
  const serviceAccount = text(metadata['SERVICE_ACCOUNT']);
  if (serviceAccount !== '' && serviceAccount !== caller.serviceAccount) {
    return `service account "${serviceAccount}" of the node is not that of the caller, "${caller.serviceAccount}"`;
  }
  return undefined;
}

/** A metadata value that should be a string. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
