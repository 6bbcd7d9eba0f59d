import type Docker from 'dockerode';
import { MeshError } from '../../errors';
import { execIn } from '../container/exec';
import type { DockerEngine } from './docker';

const UNIT = 'ambient-bpf.service';
/** systemd mounts it on machines and not in containers, and takes no mount unit of others for it. */
const UNIT_TEXT = `[Unit]
Description=BPF file system, where Ambient's agent keeps its programs
Before=containerd.service kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount -t bpf bpf /sys/fs/bpf
ExecStop=/bin/umount /sys/fs/bpf

[Install]
WantedBy=multi-user.target
`;

/** Containers of a cluster's nodes, running or not. */
async function nodesOf(cluster: string, { docker }: DockerEngine): Promise<Docker.Container[]> {
  const label = [`io.x-k8s.kind.cluster=${cluster}`, 'io.x-k8s.kind.role'];
  const found = await docker.listContainers({ all: true, filters: { label } });
  // The load balancer of several control planes is no node.
  const nodes = found.filter(({ Labels }) => /^(?:control-plane|worker)$/.test(Labels['io.x-k8s.kind.role'] ?? ''));
  return nodes.map(({ Id }) => docker.getContainer(Id));
}

/** @throws MeshError AMB_ERR_KIND_FAILED with what a node answered */
async function onEachNode(cluster: string, engine: DockerEngine, script: string): Promise<void> {
  await Promise.all(
    (await nodesOf(cluster, engine)).map(async (node) => {
      const { code, stdout, stderr } = await execIn(node, ['sh', '-ec', script]);
      const reason = (stderr || stdout).trim().split('\n').at(-1) ?? '';
      if (code !== 0) throw new MeshError('AMB_ERR_KIND_FAILED', { command: 'node', reason });
    }),
  );
}

/**
 * Mounts the BPF file system in the nodes, where the agent keeps its programs, now and at each start of theirs: a machine
 * has it by itself, a node that is a container does not. Without it capture is by nftables.
 */
export async function prepareNodes(cluster: string, engine: DockerEngine): Promise<void> {
  const script = `
mountpoint -q /sys/fs/bpf && exit 0
cat > /etc/systemd/system/${UNIT} <<'END'
${UNIT_TEXT}END
systemctl enable --quiet --now ${UNIT}`;
  await onEachNode(cluster, engine, script);
}

/** Takes back what `prepareNodes` and the loading of images did to nodes that stay. */
export async function restoreNodes(cluster: string, engine: DockerEngine, images: readonly string[]): Promise<void> {
  const script = `
if [ -e /etc/systemd/system/${UNIT} ]; then
  systemctl disable --quiet --now ${UNIT}
  rm /etc/systemd/system/${UNIT}
  systemctl daemon-reload
fi
for image in ${images.join(' ')}; do ctr --namespace=k8s.io images rm "docker.io/$image" >/dev/null; done
rm -rf /var/run/ztunnel /var/run/ambient-agent`;
  await onEachNode(cluster, engine, script);
}
