import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { MeshError } from '../../errors';
import type { DockerEngine } from '../kind/docker';
import { ARCHITECTURE, buildImage } from '../kind/image';

export const EMBEDDED_IMAGE = 'ambient/embedded:latest';

const DOCKERFILE = path.join('dist', 'container', 'Dockerfile');
const BUNDLES = [
  'ambient.js',
  'container.js',
  'supervisor.js',
  'istiod.js',
  'agent.js',
  'ztunnel.js',
  'waypoint.js',
  'apps.js',
  'bpf',
  'manifests',
];

/** Packages with prebuilt parts: name, and the package that has the part for Linux. */
const ADDONS = [
  ['koffi', '@koromix/koffi-linux'],
  ['lmdb', '@lmdb/lmdb-linux'],
] as const;

/** Folders of the packages that the addons need at run time. */
function packagesOf(root: string, architecture: string): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const folder = path.join('node_modules', name);
    if (found.has(folder) || !existsSync(path.join(root, folder))) return;
    found.add(folder);
    const file = path.join(root, folder, 'package.json');
    const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: Record<string, string> };
    Object.keys(dependencies).forEach(visit);
  };
  for (const [name, prebuilt] of ADDONS) {
    const native = `${prebuilt}-${architecture}`;
    if (!existsSync(path.join(root, 'node_modules', native))) {
      const reason = `the package ${native} is not installed; npm install --no-save --force ${native} brings it`;
      throw new MeshError('AMB_ERR_IMAGE_BUILD', { reason });
    }
    visit(name);
    visit(native);
  }
  return [...found];
}

/**
 * Builds the image of the embedded engine from this installation; Docker's cache makes an unchanged one cheap.
 *
 * @param dist folder of the bundles
 * @param architecture of Docker's machine, as it names it, e.g. `x86_64`
 * @param onLine told each line of the build's output
 * @throws MeshError AMB_ERR_IMAGE_BUILD
 */
export async function buildEmbeddedImage(
  engine: DockerEngine,
  dist: string,
  architecture: string,
  onLine: (line: string) => void,
): Promise<void> {
  const root = path.dirname(dist);
  const bundles = BUNDLES.map((name) => path.join('dist', name)).filter((file) => existsSync(path.join(root, file)));
  const packages = packagesOf(root, ARCHITECTURE[architecture] ?? architecture);
  const context = { root, files: [DOCKERFILE, ...bundles, ...packages] };
  await buildImage(engine, context, { tag: EMBEDDED_IMAGE, dockerfile: DOCKERFILE, label: 'embedded' }, onLine);
}
