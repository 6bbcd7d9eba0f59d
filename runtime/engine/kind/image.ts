import { existsSync } from 'node:fs';
import path from 'node:path';
import { MeshError, reasonOf } from '../../errors';
import type { DockerEngine } from './docker';

/** Names of the images as manifests have them: `ambient/<program>`, each a stage of the Dockerfile. */
export const PROGRAMS = ['istiod', 'agent', 'ztunnel', 'waypoint', 'bookshop', 'traffic', 'echo'] as const;
export const imageName = (program: string): string => `ambient/${program}:latest`;

const BUNDLES = ['istiod.js', 'agent.js', 'ztunnel.js', 'waypoint.js', 'apps.js', 'bpf'];
const DOCKERFILE = path.join('dist', 'kind', 'Dockerfile');
/** Node's names of what Docker calls an architecture. */
const ARCHITECTURE: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

/** Paths, relative to the installation, that the image is made of. */
function contextOf(dist: string, architecture: string): { root: string; files: string[] } {
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
  { docker }: DockerEngine,
  dist: string,
  architecture: string,
  onLine: (line: string) => void,
): Promise<string> {
  const { root, files } = contextOf(dist, ARCHITECTURE[architecture] ?? architecture);
  const base = process.env['AMBIENT_BASE_IMAGE'];
  for (const target of ['runtime', ...PROGRAMS]) {
    const options = {
      t: imageName(target),
      dockerfile: DOCKERFILE,
      target,
      labels: { 'dev.ambient.image': target },
      ...(base !== undefined && { buildargs: { BASE: base } }),
    };
    try {
      const output = await docker.buildImage({ context: root, src: files }, options);
      await follow(docker.modem, output, onLine);
    } catch (error) {
      throw new MeshError('AMB_ERR_IMAGE_BUILD', { reason: reasonOf(error).trim() }, { cause: error });
    }
  }
  return (await docker.getImage(imageName('runtime')).inspect()).Id;
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
