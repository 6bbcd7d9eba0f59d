import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { istioctlPath } from '../peers/istioctl-path';
import { istiodPath } from '../peers/istiod-path';
import { output } from './cluster';

/** What upstream's manifests name, of an istioctl that was built without a version. */
const IMAGES = ['pilot', 'ztunnel', 'install-cni'] as const;
const imageOf = (name: string): string => `registry.istio.io/testing/${name}:latest-distroless`;

const BASE_IMAGE = process.env['AMBIENT_BASE_IMAGE'] ?? 'node:24-bookworm-slim';
const DOCKERFILE = `
FROM ${BASE_IMAGE} AS pilot
COPY pilot-discovery /usr/local/bin/
USER 1337:1337
ENTRYPOINT ["/usr/local/bin/pilot-discovery"]
FROM ${BASE_IMAGE} AS ztunnel
COPY install-cni /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/install-cni"]
FROM ztunnel AS install-cni
`;

/** Answers the probes of ztunnel and of the CNI node agent. */
const ANSWERS = `#!/usr/bin/env node
for (const port of [8000, 15021]) require('node:http').createServer((_, response) => response.end()).listen(port);
process.on('SIGTERM', () => process.exit());
`;

/**
 * Puts images by upstream's names into a kind cluster, for where no registry is reached: the real istiod, and in place of
 * ztunnel and the CNI node agent, which no Go module has, a program that answers their probes and does nothing else.
 *
 * @returns a folder with upstream's `istioctl`, for the PATH
 */
export async function loadUpstreamImages(cluster: string): Promise<string> {
  const context = mkdtempSync(path.join(tmpdir(), 'ambient-upstream-'));
  try {
    writeFileSync(path.join(context, 'Dockerfile'), DOCKERFILE);
    writeFileSync(path.join(context, 'install-cni'), ANSWERS);
    chmodSync(path.join(context, 'install-cni'), 0o755);
    copyFileSync(istiodPath(), path.join(context, 'pilot-discovery'));
    for (const name of IMAGES) await output('docker', ['build', '-t', imageOf(name), '--target', name, context]);
    await output('kind', ['load', 'docker-image', ...IMAGES.map(imageOf), '--name', cluster]);
  } finally {
    rmSync(context, { recursive: true });
    await output('docker', ['rmi', '--force', ...IMAGES.map(imageOf)]);
  }
  return path.dirname(istioctlPath());
}
