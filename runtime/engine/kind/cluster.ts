import { readFile } from 'node:fs/promises';
import type { DockerEngine } from './docker';
import { runKind, type KindCommand } from './kind-command';

/** Names of the kind clusters that the Docker engine has. */
export async function listClusters(command: KindCommand): Promise<string[]> {
  const names = await runKind(['get', 'clusters'], command);
  return names.split('\n').filter((name) => name !== '');
}

export interface NewCluster {
  readonly name: string;
  /** The cluster's administrator is written there, and nowhere else. */
  readonly kubeconfig: string;
  /** Of the API on 127.0.0.1; 0 picks a free one. */
  readonly port: number;
  /** Image of the nodes; undefined takes kind's own. */
  readonly nodeImage: string | undefined;
}

/** Makes a cluster of one node. @throws MeshError AMB_ERR_KIND_FAILED */
export async function createCluster(cluster: NewCluster, command: KindCommand): Promise<void> {
  const { name, kubeconfig, port, nodeImage } = cluster;
  const config = {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: { apiServerAddress: '127.0.0.1', apiServerPort: port === 0 ? undefined : port },
  };
  const image = nodeImage === undefined ? [] : ['--image', nodeImage];
  const args = ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfig, '--config', '-', ...image];
  // JSON is YAML.
  await runKind(args, command, JSON.stringify(config));
}

/** Puts images of the Docker engine into the nodes. */
export async function loadImages(name: string, images: readonly string[], command: KindCommand): Promise<void> {
  await runKind(['load', 'docker-image', ...images, '--name', name], command);
}

/**
 * Mounts the BPF file system in the nodes, where the agent keeps its programs: a machine has it from its start, a node
 * that is a container does not. Without it capture is by nftables.
 */
export async function mountBpf(name: string, { docker }: DockerEngine): Promise<void> {
  const nodes = await docker.listContainers({ filters: { label: [`io.x-k8s.kind.cluster=${name}`] } });
  const script = 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf';
  for (const { Id } of nodes) {
    const exec = await docker.getContainer(Id).exec({ Cmd: ['sh', '-c', script], AttachStdout: true });
    const output = await exec.start({});
    await new Promise((resolve) => output.once('end', resolve).once('close', resolve).resume());
  }
}

/** Removes a cluster, its nodes and their volumes. */
export async function deleteCluster(name: string, kubeconfig: string, command: KindCommand): Promise<void> {
  await runKind(['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig], command);
}

const authorityOf = (kubeconfig: string): string | undefined =>
  /certificate-authority-data: *(\S+)/.exec(kubeconfig)?.[1];

/**
 * Whether the cluster of a name is the one that a kubeconfig was written for: one that was deleted and made again by
 * somebody else has another certificate authority.
 */
export async function isSameCluster(name: string, kubeconfig: string, command: KindCommand): Promise<boolean> {
  const own = authorityOf(await readFile(kubeconfig, 'utf8').catch(() => ''));
  return own !== undefined && own === authorityOf(await runKind(['get', 'kubeconfig', '--name', name], command));
}
