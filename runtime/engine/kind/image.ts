import { existsSync } from 'node:fs';
import path from 'node:path';
import { MeshError, reasonOf } from '../../errors';
import type { DockerEngine } from './docker';

/** Names of the images as manifests have them: `ambient/<program>`, each a stage of the Dockerfile. */
export const PROGRAMS = ['istiod', 'agent', 'ztunnel', 'waypoint', 'bookshop', 'traffic', 'echo'] as const;
export const imageName = (program: string): string => `ambient/${program}:latest`;

const BUNDLES = ['istiod.js', 'agent.js', 'ztunnel.js', 'waypoint.js', 'apps.js', 'bpf', 'cni'];
const DOCKERFILE = path.join('dist', 'kind', 'Dockerfile');
/** Node's names of what Docker calls an architecture. */
export const ARCHITECTURE: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** Paths, relative to the installation, that the image is made of. */
function contextOf(dist: string, architecture: string): BuildContext {
  const root = path.dirname(dist);
  const native = path.join('node_modules', '@koromix', `koffi-linux-${architecture}`);
  if (path.basename(dist) !== 'dist' || !existsSync(path.join(root, native)))
    throw new MeshError('AMB_ERR_IMAGE_BUILD', { reason: `${path.join(root, native)} is not there` });
  const bundles = BUNDLES.map((name) => path.join('dist', name)).filter((file) => existsSync(path.join(root, file)));
  return { root, files: [DOCKERFILE, ...bundles, path.join('node_modules', 'koffi'), native] };
}

/**
 * Builds the runtime's images from this installation; Docker's cache makes an unchanged one cheap.
 *
 * @param dist folder of the bundles
 * @param onLine told each line of the build's output
 * @returns the id of the image that all programs share: it changes when one of them does
 * @throws MeshError AMB_ERR_IMAGE_BUILD
 */
export async function buildImages(
  engine: DockerEngine,
  dist: string,
  architecture: string,
  onLine: (line: string) => void,
): Promise<string> {
  const context = contextOf(dist, ARCHITECTURE[architecture] ?? architecture);
  for (const target of ['runtime', ...PROGRAMS]) {
    const image = { tag: imageName(target), dockerfile: DOCKERFILE, target, labels: { 'dev.ambient.image': target } };
    await buildImage(engine, context, image, onLine);
  }
  return (await engine.docker.getImage(imageName('runtime')).inspect()).Id;
}

/** A build context: paths relative to `root`. */
export interface BuildContext {
  readonly root: string;
  readonly files: string[];
}

export interface ImageBuild {
  readonly tag: string;
  readonly dockerfile: string;
  /** Stage of the Dockerfile; undefined is the last. */
  readonly target?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Builds one image from AMBIENT_BASE_IMAGE, else the Dockerfile's own base. @throws MeshError AMB_ERR_IMAGE_BUILD */
export async function buildImage(
  { docker }: DockerEngine,
  context: BuildContext,
  { tag, dockerfile, target, labels }: ImageBuild,
  onLine: (line: string) => void,
): Promise<void> {
  const base = process.env['AMBIENT_BASE_IMAGE'];
  const options = {
    t: tag,
    dockerfile,
    ...(target !== undefined && { target }),
    labels,
    ...(base !== undefined && { buildargs: { BASE: base } }),
  };
  try {
    const output = await docker.buildImage({ context: context.root, src: context.files }, options);
    await follow(docker.modem, output, onLine);
  } catch (error) {
    throw new MeshError('AMB_ERR_IMAGE_BUILD', { reason: reasonOf(error).trim() }, { cause: error });
  }
}

interface BuildEvent {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

/** Reads a build's output to its end. @throws Error with Docker's words when a step failed */
function follow(
  modem: DockerEngine['docker']['modem'],
  output: NodeJS.ReadableStream,
  onLine: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let problem: string | undefined;
    modem.followProgress(
      output,
      (error) => {
        if (error) reject(error);
        else if (problem !== undefined) reject(new Error(problem));
        else resolve();
      },
      ({ stream, status, error }: BuildEvent) => {
        problem ??= error;
        const line = (error ?? stream ?? status ?? '').trimEnd();
        if (line !== '') onLine(line);
      },
    );
  });
}
