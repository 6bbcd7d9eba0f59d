import { chmodSync, existsSync, lchownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Pod } from '../../api/resources';
import { DNS_SERVICE_ADDRESS } from '../node/addresses';
import { hostFolder, volumesOf, type NodeFolders } from './container-plan';
import { MissingObject } from './environment';
import { contentOf, writeVolume, type VolumeSource } from './volumes';

/** A timer of Node holds at most this many milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The files of a pod in the mesh's private memory: hosts, resolv.conf and volumes, kept current while it lives. */
export class PodVolumes {
  readonly #folder: string;
  readonly #tokens = new Map<string, { token: string; refreshAt: number }>();
  readonly #source: VolumeSource;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly pod: Pod,
    private readonly uid: number | undefined,
    private readonly folders: NodeFolders,
    source: VolumeSource,
  ) {
    this.#source = { ...source, token: (...request) => this.#token(source, ...request) };
    this.#folder = path.join(folders.pods, pod.metadata.uid!);
  }

  /** Makes the files. Throws MissingObject when a source is missing. */
  create(ip: string): void {
    const { name, namespace } = this.pod.metadata;
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 });
    const search = [`${namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'].join(' ');
    const resolver = `nameserver ${DNS_SERVICE_ADDRESS}\nsearch ${search}\noptions ndots:5\n`;
    writeFileSync(path.join(this.#folder, 'resolv.conf'), resolver, { mode: 0o644 });
    writeFileSync(path.join(this.#folder, 'hosts'), `127.0.0.1\tlocalhost\n${ip}\t${name}\n`, { mode: 0o644 });
    for (const volume of volumesOf(this.pod)) {
      if (volume.hostPath) {
        const folder = hostFolder(volume, this.folders);
        if (volume.hostPath.type === 'DirectoryOrCreate') this.#createHostFolder(folder);
        continue;
      }
      const folder = path.join(this.#folder, 'volumes', volume.name);
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      if (volume.emptyDir) {
        chmodSync(folder, 0o700);
        if (this.uid) lchownSync(folder, this.uid, this.uid);
      }
    }
    this.refresh();
  }

  /** Writes what has changed in the volumes' sources, and comes back when a token is due. Throws MissingObject. */
  refresh(): void {
    clearTimeout(this.#timer);
    let refreshAt = Infinity;
    for (const volume of volumesOf(this.pod)) {
      const content = contentOf(this.pod, volume, this.#source);
      if (content === undefined) continue;
      writeVolume(path.join(this.#folder, 'volumes', volume.name), content.files, this.uid ?? 0);
      refreshAt = Math.min(refreshAt, content.refreshAt);
    }
    if (refreshAt === Infinity) return;
    this.#timer = setTimeout(() => this.refreshQuietly(), Math.min(refreshAt - Date.now(), LONGEST_TIMER_MS));
  }

  /** As `refresh`; a source that is gone leaves the files as they are. */
  refreshQuietly(): void {
    try {
      this.refresh();
    } catch (error) {
      if (!(error instanceof MissingObject)) throw error;
    }
  }

  /** Removes the files, tokens among them. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #token(
    source: VolumeSource,
    ...[pod, audience, seconds]: Parameters<VolumeSource['token']>
  ): ReturnType<VolumeSource['token']> {
    const key = `${audience} ${seconds}`;
    const held = this.#tokens.get(key);
    if (held !== undefined && held.refreshAt > Date.now()) return held;
    const issued = source.token(pod, audience, seconds);
    if (issued !== undefined) this.#tokens.set(key, issued);
    return issued;
  }

  /** Made for our own components only in the mesh's private /run; elsewhere it would change the machine. */
  #createHostFolder(folder: string): void {
    if (!folder.startsWith('/run/'))
      throw new Error(`hostPath ${folder} does not exist; DirectoryOrCreate works below /run`);
    if (existsSync(folder)) return;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (this.uid) lchownSync(folder, this.uid, this.uid);
  }
}
