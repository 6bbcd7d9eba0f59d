import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Container, Pod, Volume } from '../../api/resources';
import type { ContainerPlan, Mount } from './container-script';
import { ownImage } from './program';
import { ACCOUNT_MOUNT, accountVolume } from './volumes';

/** What is the same for every container of the node. */
export interface NodeFolders {
  /** The mesh's own cgroup folder; undefined where there are no cgroups. */
  readonly cgroup: string | undefined;
  readonly devices: string;
  readonly programs: string;
  /** One folder for each pod, by uid. */
  readonly pods: string;
  /** Hidden from every container. */
  readonly state: string;
  /** Where /etc/resolv.conf really is; undefined when the machine has none. */
  readonly resolvConf: string | undefined;
  /** User ids that the node may give to pods begin here; undefined when it has only one. */
  readonly firstUid: number | undefined;
}

/** `/var/run` is a link to `/run`. */
const plain = (folder: string): string => path.normalize(folder).replace(/^\/var\/run(?=\/|$)/, '/run');

const inside = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(`${outer.replace(/\/$/, '')}/`);

/** The host folder of a hostPath volume. Throws for one that would show the mesh's own files. */
export function hostFolder(volume: Volume, { state, pods }: NodeFolders): string {
  const folder = plain(volume.hostPath!.path);
  for (const secret of [state, pods]) {
    if (inside(folder, secret) || inside(secret, folder)) {
      throw new Error(`hostPath ${folder} would show the mesh's own files; choose a narrower path`);
    }
  }
  return folder;
}

/** Volumes of a pod with the one that carries its service account's token, and where each container mounts that. */
export const volumesOf = (pod: Pod): Volume[] => [...(pod.spec.volumes ?? []), accountVolume];

/** User id of a pod's containers; root only for our own components that ask for it. */
export function uidOf(pod: Pod, ip: string, { firstUid }: NodeFolders): number | undefined {
  if (firstUid === undefined) return undefined;
  const root = pod.spec.containers.some(
    ({ image, securityContext }) => securityContext?.runAsUser === 0 && ownImage(image) !== undefined,
  );
  return root ? 0 : firstUid + Number(ip.split('.').at(-1));
}

/** Decides a container's process: mounts, user, capabilities. */
export function planContainer(
  pod: Pod,
  container: Container,
  argv: readonly string[],
  uid: number | undefined,
  folders: NodeFolders,
): ContainerPlan {
  const podFolder = path.join(folders.pods, pod.metadata.uid!);
  const mounts: Mount[] = [];
  const file = (name: string, target: string): void =>
    void mounts.push({
      source: path.join(podFolder, name),
      target,
      kind: 'file',
      readOnly: true,
      foreign: false,
      follow: false,
    });
  file('hosts', '/etc/hosts');
  if (folders.resolvConf !== undefined) file('resolv.conf', folders.resolvConf);
  const wanted = [...(container.volumeMounts ?? [])];
  if (pod.spec.automountServiceAccountToken !== false && !wanted.some(({ mountPath }) => mountPath === ACCOUNT_MOUNT)) {
    wanted.push({ name: accountVolume.name, mountPath: ACCOUNT_MOUNT, readOnly: true });
  }
  for (const { name, mountPath, subPath, readOnly, mountPropagation } of wanted) {
    const volume = volumesOf(pod).find((candidate) => candidate.name === name);
    if (volume === undefined) throw new Error(`volume ${name} is not defined`);
    const folder = volume.hostPath ? hostFolder(volume, folders) : path.join(podFolder, 'volumes', name);
    const source = subPath === undefined ? folder : path.join(folder, path.normalize(`/${subPath}`));
    mounts.push({
      source,
      target: plain(mountPath),
      kind: isFile(source, volume) ? 'file' : 'folder',
      readOnly: (readOnly ?? false) || !(volume.hostPath || volume.emptyDir),
      foreign: volume.hostPath !== undefined,
      follow: mountPropagation !== undefined && mountPropagation !== 'None',
    });
  }
  // A mount inside another one comes after it.
  mounts.sort((a, b) => a.target.split('/').length - b.target.split('/').length);
  return {
    cgroup: folders.cgroup === undefined ? undefined : path.join(folders.cgroup, `pod${pod.metadata.uid}`),
    hostname: (pod.spec.hostname ?? pod.metadata.name).slice(0, 63),
    hidden: [folders.state],
    devices: folders.devices,
    programs: folders.programs,
    mounts,
    overlays: missingFolders(mounts.map(({ target }) => target)),
    workingDir: container.workingDir ?? '/',
    uid,
    capabilities: (container.securityContext?.capabilities?.add ?? [])
      .map((capability) => capability.toLowerCase().replace(/^cap_/, ''))
      .filter((capability) => capability !== 'all'),
    argv,
  };
}

const isFile = (source: string, volume: Volume): boolean =>
  volume.hostPath?.type === 'File' || (existsSync(source) && !existsSync(`${source}/.`));

/** Existing folders of the machine in which a mount target is missing; `/` for one whose top folder is. */
function missingFolders(targets: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const target of targets) {
    if (inside(target, '/run') || existsSync(target)) continue;
    let folder = path.dirname(target);
    while (!existsSync(folder)) folder = path.dirname(folder);
    folders.add(folder);
  }
  return [...folders];
}
