import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dockerEnvironment, dockerHosts, findDocker } from '../../../runtime/engine/kind/docker';
import { checkDocker, checkPort } from '../../../runtime/engine/kind/preflight';
import { writeDockerContext } from './docker-contexts';
import { engineAt as startEngine, GIB } from './engine-stand-in';

let home: string;
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'ambient-docker-'));
  vi.stubEnv('HOME', home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(home, { recursive: true });
});

async function engineAt(socket: string, info: object = {}): Promise<string> {
  const engine = await startEngine(socket, info);
  cleanups.push(engine.close);
  return engine.host;
}

const context = (name: string, host: string, { tls = false, current = true } = {}): string =>
  writeDockerContext(path.join(home, '.docker'), {
    name,
    host,
    current,
    ...(tls && { certificates: { 'ca.pem': '', 'cert.pem': '', 'key.pem': '' } }),
  });

test('DOCKER_HOST wins over the current context, and that over sockets', async () => {
  context('remote', 'ssh://me@build.example');
  expect(dockerHosts({ DOCKER_HOST: 'tcp://10.0.0.1:2375' })).toEqual(['tcp://10.0.0.1:2375']);
  expect(dockerHosts({})).toEqual(['ssh://me@build.example']);
  context('other', 'unix:///run/other.sock', { current: false });
  expect(dockerHosts({ DOCKER_CONTEXT: 'other' })).toEqual(['unix:///run/other.sock']);
  expect(dockerHosts({ DOCKER_CONTEXT: 'default' })).not.toContain('ssh://me@build.example');
});

test("finds the sockets of rootless Docker, Docker's desktop and Podman", async () => {
  const run = path.join(home, 'run');
  const places = [
    path.join(run, 'docker.sock'),
    path.join(home, '.docker/run/docker.sock'),
    path.join(run, 'podman/podman.sock'),
  ];
  for (const place of places) await engineAt(place);
  const found = dockerHosts({ XDG_RUNTIME_DIR: run });
  expect(found.filter((host) => host.includes(home))).toEqual(places.map((place) => `unix://${place}`));
});

test('passes by a socket behind which nobody answers', async () => {
  const run = path.join(home, 'run');
  mkdirSync(run, { recursive: true });
  writeFileSync(path.join(run, 'docker.sock'), '');
  const podman = await engineAt(path.join(run, 'podman/podman.sock'));
  // The machine's own engine, where it has one, comes first.
  const own = dockerHosts({ XDG_RUNTIME_DIR: run }).find((host) => !host.includes(home));
  if (own === undefined) expect((await findDocker({ XDG_RUNTIME_DIR: run })).host).toBe(podman);
});

test('says what it tried when Docker does not run', async () => {
  const host = `unix://${home}/none.sock`;
  await expect(findDocker({ DOCKER_HOST: host })).rejects.toMatchObject({
    code: 'AMB_ERR_NO_DOCKER',
    message: expect.stringContaining(host),
    remedy: expect.stringContaining('Start Docker'),
  });
});

test.each([
  ['unix:///run/user/1000/podman/podman.sock', { KIND_EXPERIMENTAL_PROVIDER: 'podman' }],
  ['unix:///var/run/docker.sock', {}],
])('kind is told of %s', (host, more) => {
  expect(dockerEnvironment(host, {})).toEqual({ DOCKER_HOST: host, ...more });
});

test("a context's certificates go to kind with its address", () => {
  const host = 'tcp://docker.example:2376';
  const certificates = context('secure', host, { tls: true });
  const expected = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates };
  expect(dockerEnvironment(host, {})).toEqual(expected);
  expect(dockerEnvironment('tcp://other.example:2376', {})).toEqual({ DOCKER_HOST: 'tcp://other.example:2376' });
});

test.each([
  ['little memory', { MemTotal: 1 * GIB }, 1, {}, 'AMB_ERR_DOCKER_MEMORY', /1024 MiB .* needs 1800/],
  ['memory for one node but not for five', { MemTotal: 2 * GIB }, 5, {}, 'AMB_ERR_DOCKER_MEMORY', /needs 3000/],
  ['few inotify instances', {}, 1, { max_user_instances: 64 }, 'AMB_ERR_INOTIFY', /64 .*max_user_instances/],
  ['few inotify watches', {}, 1, { max_user_watches: 4096 }, 'AMB_ERR_INOTIFY', /4096 .*max_user_watches/],
])('%s is refused with a remedy', async (_, info, nodes, limits, code, message) => {
  const host = await engineAt(path.join(home, 'docker.sock'), info);
  const inotify = path.join(home, 'inotify');
  mkdirSync(inotify);
  for (const [name, value] of Object.entries({ max_user_instances: 512, max_user_watches: 65_536, ...limits }))
    writeFileSync(path.join(inotify, name), `${value}\n`);
  const engine = await findDocker({ DOCKER_HOST: host });
  const refused = expect(checkDocker(engine, nodes, inotify)).rejects;
  await refused.toMatchObject({ code, message: expect.stringMatching(message), remedy: expect.stringMatching(/\w/) });
});

test('notes cgroup v1, and is content where nothing is wrong', async () => {
  const folder = path.join(home, 'none');
  const old = await findDocker({ DOCKER_HOST: await engineAt(path.join(home, 'old.sock'), { CgroupVersion: '1' }) });
  expect((await checkDocker(old, 1, folder)).notes).toEqual([expect.stringContaining('cgroup v1')]);
  const host = await engineAt(path.join(home, 'new.sock'), { Architecture: 'aarch64' });
  expect(await checkDocker(await findDocker({ DOCKER_HOST: host }), 3, folder)).toEqual({
    architecture: 'aarch64',
    notes: [],
  });
});

test('a busy port is named', async () => {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as { port: number };
  await expect(checkPort(port)).rejects.toMatchObject({
    code: 'AMB_ERR_PORT_TAKEN',
    message: expect.stringContaining(String(port)),
  });
  await checkPort(0);
});
