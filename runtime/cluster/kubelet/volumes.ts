import {
  mkdirSync,
  lchownSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Pod, Volume } from '../../api/resources';
import { MissingObject, podField, type ObjectSource } from './environment';

/** Where volumes read their content. */
export interface VolumeSource extends ObjectSource {
  /** A token of the pod's service account, and when to ask for the next; undefined while the account does not exist. */
  token(pod: Pod, audience: string | undefined, seconds: number): { token: string; refreshAt: number } | undefined;
  /** PEM of the cluster's CA. */
  readonly caCertificate: string;
}

/** Files of a volume by their relative path, and when they must be made anew (ms since the epoch). */
export interface VolumeContent {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly refreshAt: number;
}

/** Mount path of the default service account volume. */
export const ACCOUNT_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The volume that every pod has for its service account's token. */
export const accountVolume: Volume = {
  name: 'kube-api-access',
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  },
};

type Source = NonNullable<Volume['projected']>['sources'][number];

/**
 * What a volume holds; undefined for one without content of its own (emptyDir, hostPath).
 *
 * @throws MissingObject when a source that is not optional does not exist
 */
export function contentOf(pod: Pod, volume: Volume, source: VolumeSource): VolumeContent | undefined {
  const files = new Map<string, Buffer>();
  let refreshAt = Infinity;
  const sources: Source[] | undefined =
    volume.projected?.sources ??
    (volume.configMap
      ? [{ configMap: volume.configMap }]
      : volume.secret
        ? [{ secret: { ...volume.secret, name: volume.secret.secretName } }]
        : volume.downwardAPI
          ? [{ downwardAPI: { items: volume.downwardAPI.items ?? [] } }]
          : undefined);
  if (sources === undefined) return undefined;
  for (const part of sources) {
    addObject(pod, part, source, files);
    for (const { path: file, fieldRef } of part.downwardAPI?.items ?? []) {
      files.set(file, Buffer.from(podField(pod, fieldRef?.fieldPath ?? '') ?? ''));
    }
    if (part.serviceAccountToken) {
      const { path: file, audience, expirationSeconds = 3600 } = part.serviceAccountToken;
      const issued = source.token(pod, audience, expirationSeconds);
      if (issued === undefined) {
        throw new MissingObject(`serviceaccount "${pod.spec.serviceAccountName ?? 'default'}" not found`);
      }
      files.set(file, Buffer.from(issued.token));
      refreshAt = Math.min(refreshAt, issued.refreshAt);
    }
  }
  if (volume === accountVolume) files.set('ca.crt', Buffer.from(source.caCertificate));
  return { files, refreshAt };
}

function addObject(pod: Pod, part: Source, source: ObjectSource, files: Map<string, Buffer>): void {
  const ref = part.configMap ?? part.secret;
  if (ref === undefined) return;
  const namespace = pod.metadata.namespace ?? 'default';
  const kind = part.configMap ? 'configmap' : 'secret';
  const object = part.configMap ? source.configMap(namespace, ref.name) : source.secret(namespace, ref.name);
  if (object === undefined) {
    if (ref.optional) return;
    throw new MissingObject(`${kind} "${ref.name}" not found`);
  }
  const data = object.data ?? {};
  const items = ref.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  for (const { key, path: file } of items) {
    const value = data[key];
    if (value !== undefined) files.set(file, Buffer.from(value, part.configMap ? 'utf8' : 'base64'));
    else if (!ref.optional) throw new MissingObject(`${kind} "${ref.name}" has no key "${key}"`);
  }
}

/**
 * Writes a volume's files so that a reader sees the old set or the new one, never a mixture: a new folder, and the link
 * `..data` moved onto it, as the kubelet does. Does nothing when they are already there.
 */
export function writeVolume(folder: string, files: ReadonlyMap<string, Buffer>, uid: number): void {
  const current = linkOf(path.join(folder, '..data'));
  if (current !== undefined && sameFiles(path.join(folder, current), files)) return;
  const next = `..${process.hrtime.bigint().toString(36)}`;
  mkdirSync(path.join(folder, next), { recursive: true, mode: 0o755 });
  for (const [name, content] of files) {
    const file = path.join(folder, next, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, content, { mode: 0o400 });
    if (uid !== 0) lchownSync(file, uid, uid);
  }
  writeFileSync(path.join(folder, next, '..files'), JSON.stringify([...files.keys()]), { mode: 0o400 });
  symlinkSync(next, path.join(folder, '..next'));
  renameSync(path.join(folder, '..next'), path.join(folder, '..data'));
  const top = new Set([...files.keys()].map((name) => name.split('/')[0]!));
  for (const name of top) {
    if (linkOf(path.join(folder, name)) === undefined) symlinkSync(`..data/${name}`, path.join(folder, name));
  }
  if (current === undefined) return;
  for (const name of writtenFiles(path.join(folder, current))) {
    const first = name.split('/')[0]!;
    if (!top.has(first)) rmSync(path.join(folder, first), { force: true });
  }
  rmSync(path.join(folder, current), { recursive: true, force: true });
}

function linkOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

const writtenFiles = (folder: string): string[] =>
  JSON.parse(readFileSync(path.join(folder, '..files'), 'utf8')) as string[];

function sameFiles(folder: string, files: ReadonlyMap<string, Buffer>): boolean {
  const names = writtenFiles(folder);
  return (
    names.length === files.size &&
    names.every((name) => files.get(name)?.equals(readFileSync(path.join(folder, name))) ?? false)
  );
}
