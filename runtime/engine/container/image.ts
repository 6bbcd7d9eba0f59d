import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { MeshError } from '../../errors';
import type { DockerEngine } from '../kind/docker';
import { ARCHITECTURE, buildImage, type BuildContext } from '../kind/image';

/** Tells which installation an image was built from. */
const DIGEST_LABEL = 'dev.ambient.digest';
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

/** Changes with any file of a build context: names, sizes and times of change, without reading them. */
function digestOf({ root, files }: BuildContext): string {
  const hash = createHash('sha256').update(process.env['AMBIENT_BASE_IMAGE'] ?? '');
  const visit = (file: string): void => {
    const found = statSync(path.join(root, file));
    if (found.isDirectory()) for (const name of readdirSync(path.join(root, file)).sort()) visit(path.join(file, name));
    else hash.update(`${file} ${found.mtimeMs} ${found.size}\n`);
  };
  files.forEach(visit);
  return hash.digest('hex');
}

/**
 * Builds the image of the embedded engine from this installation, unless it is there already.
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
  const digest = digestOf(context);
  const present = await engine.docker
    .getImage(EMBEDDED_IMAGE)
    .inspect()
    .catch(() => undefined);
  if (present?.Config.Labels?.[DIGEST_LABEL] === digest) return;
  const labels = { 'dev.ambient.image': 'embedded', [DIGEST_LABEL]: digest };
  await buildImage(engine, context, { tag: EMBEDDED_IMAGE, dockerfile: DOCKERFILE, labels }, onLine);
}
