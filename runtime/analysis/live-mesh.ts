import type { KubeObject } from '../api/resources';
import { parseFile, type MeshDocument } from './document';
import { isLiveFile, LIVE_SCHEME } from './live-file';

/** What a running mesh holds, as documents beside those of files. */
export interface LiveMesh {
  /** Where it was read: a context of a kubeconfig. */
  readonly context: string;
  readonly documents: readonly MeshDocument[];
  /** By `keyOf`. */
  readonly byKey: ReadonlyMap<string, MeshDocument>;
  /** Kinds, `group/Kind`, that were read whole: of these, what is not there does not exist. */
  readonly kinds: ReadonlySet<string>;
}

/** Under which name a question to the live mesh is noted (see Dependencies). */
export const LIVE = 'live';

/** The live mesh of objects as an API server lists them. */
export function liveMesh(context: string, objects: readonly KubeObject[], kinds: ReadonlySet<string>): LiveMesh {
  const documents = objects.flatMap(({ metadata, ...object }) => {
    const name = `${LIVE_SCHEME}${object.kind ?? ''}/${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;
    return parseFile(name, JSON.stringify({ ...object, metadata: { ...metadata, managedFields: undefined } }))
      .documents;
  });
  return { context, documents, byKey: new Map(documents.map((document) => [keyOf(document), document])), kinds };
}

export function isLive({ source }: MeshDocument): boolean {
  return isLiveFile(source.file);
}

/** The documents of files, and of the mesh what no file has: a file stands for what it will be when it is applied. */
export function withLive(documents: readonly MeshDocument[], live: LiveMesh | undefined): readonly MeshDocument[] {
  if (live === undefined) return documents;
  const written = new Set(documents.map(keyOf));
  return [...documents, ...live.documents.filter((document) => !written.has(keyOf(document)))];
}

export function keyOf({ group, kind, namespace, name }: MeshDocument): string {
  return `${group}/${kind} ${namespace}/${name}`;
}
