import type { Templated } from './deploy';

/** The node's folders of the container runtime, and where the agent sees them. */
const FOLDERS = [
  { name: 'cni-conf', variable: 'CNI_CONF_DIR', node: '/etc/cni/net.d' },
  { name: 'cni-bin', variable: 'CNI_BIN_DIR', node: '/opt/cni/bin' },
] as const;

/**
 * Gives the agent the node's folders of network plugins, so that it puts its own there. On the embedded engine the kubelet
 * asks the agent by itself, and those folders would be this machine's.
 */
export function chainPlugin({ spec }: Templated): void {
  const pod = spec?.template?.spec;
  const container = pod?.containers[0];
  if (pod === undefined || container === undefined) return;
  const mountPath = (node: string): string => `/host${node}`;
  container.env = [
    ...(container.env ?? []),
    ...FOLDERS.map(({ variable, node }) => ({ name: variable, value: mountPath(node) })),
  ];
  container.volumeMounts = [
    ...(container.volumeMounts ?? []),
    ...FOLDERS.map(({ name, node }) => ({ name, mountPath: mountPath(node) })),
  ];
  pod.volumes = [...(pod.volumes ?? []), ...FOLDERS.map(({ name, node }) => ({ name, hostPath: { path: node } }))];
}
