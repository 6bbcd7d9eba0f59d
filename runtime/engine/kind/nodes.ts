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

/** Says in a node which build's images it has. */
const IMAGES_STAMP = '/kind/ambient-images';

/** With the snapshotter that the node's container runtime uses: without overlayfs, as rootless, it is another one. */
const IMPORT = `
snapshotter=$(containerd config dump | sed -n 's/^ *snapshotter = .\\(.*\\).$/\\1/p' | head -n 1)
exec ctr --namespace=k8s.io images import --all-platforms --snapshotter="\${snapshotter:-overlayfs}" -`;

/**
 * Brings images of the Docker engine into every node that has not had those of this build, without a copy on disk and
 * whatever program it was that started the engine.
 *
 * @param build id that changes when one of the images does
 * @throws MeshError AMB_ERR_KIND_FAILED
 */
export async function loadImages(
  cluster: string,
  engine: DockerEngine,
  images: readonly string[],
  build: string,
): Promise<void> {
  const present = `ctr --namespace=k8s.io images ls -q | grep -c -F ${images.map((name) => `-e /${name}`).join(' ')}`;
  const load = async (node: Docker.Container): Promise<void> => {
    const before = await execIn(node, ['sh', '-c', `cat ${IMAGES_STAMP} && ${present}`]);
    if (before.stdout.startsWith(build) && before.stdout.trim().endsWith(`\n${images.length}`)) return;
    const { code, stderr } = await execIn(node, ['sh', '-c', IMPORT], await archiveOf(engine, images));
    if (code !== 0)
      throw new MeshError('AMB_ERR_KIND_FAILED', { command: 'node', reason: stderr.trim().split('\n').at(-1) ?? '' });
    await execIn(node, ['sh', '-c', `echo ${build} > ${IMAGES_STAMP}`]);
  };
  await Promise.all((await nodesOf(cluster, engine)).map(load));
}

/** The images as one archive, in which layers that they share are once. */
function archiveOf({ docker }: DockerEngine, images: readonly string[]): Promise<NodeJS.ReadableStream> {
  const names = images.map((name) => `names=${encodeURIComponent(name)}&`).join('');
  // The client takes a path's last character for its question mark.
  const request = { path: `/images/get?${names}`, method: 'GET', isStream: true, statusCodes: { 200: true } };
  const modem = docker.modem as Docker['modem'];
  return new Promise((resolve, reject) => {
    modem.dial(request, (error: Error | null, archive: unknown) => {
      if (error) reject(error);
      else resolve(archive as NodeJS.ReadableStream);
    });
  });
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
rm -rf /var/run/ztunnel /var/run/ambient-agent ${IMAGES_STAMP}`;
  await onEachNode(cluster, engine, script);
}
