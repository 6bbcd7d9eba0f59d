import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { MeshStatus } from '../../runtime/engine/engine';
import { dockerHosts, findDocker } from '../../runtime/engine/kind/docker';
import { runKind } from '../../runtime/engine/kind/kind-command';
import { writeDockerContext } from '../engine/kind/docker-contexts';
import { createAuthority } from '../hbone/authority';
import { UserMesh } from '../scenarios/user-mesh';
import { KindMesh } from './cluster';

// The machine's own engine behind TLS, for clients with a certificate alone, as a context of Docker's names it.
const folder = mkdtempSync(path.join(tmpdir(), 'ambient-docker-context-'));
let certificates: string;
let server: tls.Server;
let host: string;
let mesh: UserMesh;

beforeAll(async () => {
  const socketPath = dockerHosts()[0]!.replace('unix://', '');
  const authority = await createAuthority('CN=docker');
  const [own, client] = await Promise.all([authority.issue('dns:localhost'), authority.issue('dns:me')]);
  server = tls.createServer(
    { ca: own.roots, cert: own.certificateChain, key: own.privateKey, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      const docker = net.connect({ path: socketPath, allowHalfOpen: true });
      for (const [from, to] of [
        [socket, docker],
        [docker, socket],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to);
    },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  host = `tcp://localhost:${(server.address() as net.AddressInfo).port}`;
  certificates = writeDockerContext(folder, {
    name: 'secure',
    host,
    certificates: { 'ca.pem': client.roots, 'cert.pem': client.certificateChain, 'key.pem': client.privateKey },
  });
  vi.stubEnv('DOCKER_CONFIG', folder);
  vi.stubEnv('DOCKER_HOST', undefined);
  mesh = new UserMesh({ DOCKER_CONFIG: folder, DOCKER_HOST: undefined });
});
afterAll(async () => {
  await mesh[Symbol.asyncDispose]();
  vi.unstubAllEnvs();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('kind works with the engine of the current context, over TLS', async () => {
  const docker = await findDocker();
  expect(docker.host).toBe(host);
  expect((await runKind(['get', 'clusters'], docker)).split('\n')).toContain(KindMesh.shared().cluster);
});

test('the embedded engine runs in a container there, and is gone after down', async () => {
  expect(await mesh.json('up', '--engine', 'container')).toMatchObject({ engine: 'container' });
  expect(await mesh.json<MeshStatus>('status')).toMatchObject({ engine: 'container', state: 'running' });
  expect((await mesh.ambient('logs')).code).toBe(0);
  expect(await mesh.json('down', '--purge')).toMatchObject({ stopped: true });
});

test('without a certificate it says which engine refused', async () => {
  rmSync(certificates, { recursive: true });
  await expect(findDocker()).rejects.toMatchObject({
    code: 'AMB_ERR_NO_DOCKER',
    message: expect.stringContaining(host),
  });
});
