import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findProgram, pathFolders } from '../../../runtime/engine/find-program';
import { installKind, kindInstallation } from '../../../runtime/engine/kind/install';
import { KIND_VERSION, kindProgram, ownPrograms } from '../../../runtime/engine/kind/kind-program';
import { ambient, descendants, run } from '../../mesh/mesh-under-test';
import { engineAt } from './engine-stand-in';

const BUILD_MS = 300_000;
let folder: string;
/** The program that Go has built: what the stand-in for the site of kind's releases has to give. */
let released: Buffer;
/** What that site answers by path; 404 for everything else. */
let site: Record<string, Buffer | string> = {};
let server: http.Server;
let downloads: string;
let tools: string;

/** A user's surroundings: a home without kind, a PATH with these programs. */
function user(env: NodeJS.ProcessEnv = {}, ...programs: string[]): NodeJS.ProcessEnv {
  const home = mkdtempSync(path.join(folder, 'home-'));
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  for (const program of programs) symlinkSync(findProgram(program, pathFolders())!, path.join(bin, program));
  return { ...process.env, XDG_DATA_HOME: home, PATH: bin, AMBIENT_KIND_DOWNLOADS: downloads, ...env };
}

const urlPath = (env: NodeJS.ProcessEnv): string => new URL(kindInstallation(env).url).pathname;
const sumOf = (bytes: Buffer): string => `${createHash('sha256').update(bytes).digest('hex')}  kind\n`;
const install = (env: NodeJS.ProcessEnv, lines: string[] = []): Promise<string> =>
  installKind({ env, onLine: (line) => lines.push(line) });

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-install-kind-'));
  tools = mkdtempSync(path.join(folder, 'tools-'));
  server = http.createServer((request, response) => {
    const answer = site[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else response.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  downloads = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dl`;
  const env = user({ XDG_DATA_HOME: tools }, 'go');
  const lines: string[] = [];
  released = readFileSync(await install(env, lines));
  expect(lines).toEqual([
    expect.stringContaining('downloading http://127.0.0.1:'),
    expect.stringMatching(/: 404 Not Found; building sigs.k8s.io\/kind@v[\d.]+ with Go instead/),
    expect.stringContaining(tools),
  ]);
}, BUILD_MS);
beforeEach(() => (site = {}));
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

test('Go builds it where the release cannot be had, and it runs', async () => {
  const program = kindProgram({ XDG_DATA_HOME: tools });
  expect(program).toBe(path.join(tools, 'ambient', 'bin', 'kind'));
  expect((await run(program!, ['version'])).stdout).toContain(KIND_VERSION);
  expect(readdirSync(ownPrograms({ XDG_DATA_HOME: tools }))).toEqual(['kind']);
});

test('the release is installed after its checksum, for its user alone', async () => {
  const env = user();
  site = { [urlPath(env)]: released, [`${urlPath(env)}.sha256sum`]: sumOf(released) };
  const program = await install(env);
  expect(kindProgram(env)).toBe(program);
  expect((await run(program, ['version'])).code).toBe(0);
  expect(statSync(path.dirname(program)).mode & 0o777).toBe(0o700);
});

test.each([
  [
    'has another checksum',
    (file: string) => ({ [file]: released, [`${file}.sha256sum`]: sumOf(Buffer.of(1)) }),
    /SHA-256/,
  ],
  ['has no checksum', (file: string) => ({ [file]: released }), /sha256sum: 404/],
  [
    'is no program',
    (file: string) => ({ [file]: 'hello', [`${file}.sha256sum`]: sumOf(Buffer.from('hello')) }),
    /hello|ENOEXEC|Exec format/,
  ],
])('a release that %s is refused, and leaves nothing', async (_, answers, reason) => {
  const env = user();
  site = answers(urlPath(env));
  const refused = { code: 'AMB_ERR_KIND_INSTALL', message: expect.stringMatching(reason) };
  await expect(install(env)).rejects.toMatchObject(refused);
  expect(readdirSync(ownPrograms(env))).toEqual([]);
});

test('a wrong checksum is no reason to go another way', async () => {
  const env = user({}, 'go');
  site = { [urlPath(env)]: released, [`${urlPath(env)}.sha256sum`]: sumOf(Buffer.of(1)) };
  const lines: string[] = [];
  await expect(install(env, lines)).rejects.toThrow(/SHA-256/);
  expect(lines).toHaveLength(1);
});

test('the kind of the PATH comes first', () => {
  const bin = path.join(tools, 'ambient', 'bin');
  const env = user({ PATH: bin });
  expect(kindProgram(env)).toBe(path.join(bin, 'kind'));
  expect(kindProgram({ ...env, PATH: '' })).toBeUndefined();
});

test.each([
  ['linux', 'x64', 'kind-linux-amd64', 'kind'],
  ['linux', 'arm64', 'kind-linux-arm64', 'kind'],
  ['darwin', 'arm64', 'kind-darwin-arm64', 'kind'],
  ['win32', 'x64', 'kind-windows-amd64', 'kind.exe'],
] as const)('on %s %s it is %s', (platform, arch, file, program) => {
  const installation = kindInstallation({ XDG_DATA_HOME: tools }, { platform, arch });
  expect(installation.url).toBe(`https://kind.sigs.k8s.io/dl/${KIND_VERSION}/${file}`);
  expect(path.basename(installation.program)).toBe(program);
});

test('a mirror without TLS is refused', () => {
  expect(() => kindInstallation({ AMBIENT_KIND_DOWNLOADS: 'http://mirror.example/kind' })).toThrow(/without TLS/);
});

test('up says how to get it, and with --install-kind gets it and goes on', async () => {
  const docker = await engineAt(path.join(mkdtempSync(path.join(folder, 'docker-')), 'docker.sock'));
  const env = user({ DOCKER_HOST: docker.host });
  const state = path.join(env['XDG_DATA_HOME']!, 'state');
  const up = ['up', '--engine', 'kind', '--state', state, '-o', 'json'];
  const missing = JSON.parse((await ambient(up, env)).stdout) as object;
  expect(missing).toMatchObject({
    error: { code: 'AMB_ERR_KIND_MISSING', remedy: expect.stringContaining('--install-kind') },
  });
  expect(existsSync(ownPrograms(env))).toBe(false);

  site = { [urlPath(env)]: released, [`${urlPath(env)}.sha256sum`]: sumOf(released) };
  const { stdout, stderr } = await ambient([...up, '--install-kind'], { ...env, AMBIENT_PROGRESS: 'lines' });
  // Without Docker's program kind itself says what is missing next.
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'AMB_ERR_KIND_FAILED' } });
  expect(kindProgram(env)).toBeDefined();
  expect(stderr).toContain(`kind: downloading ${downloads}`);
  docker.close();
});

test('on a terminal up asks, and takes no for an answer', async () => {
  const docker = await engineAt(path.join(mkdtempSync(path.join(folder, 'docker-')), 'docker.sock'));
  const env = user({ DOCKER_HOST: docker.host }, 'sh');
  const program = path.resolve('dist', 'ambient.js');
  const command = `${process.execPath} ${program} up --engine kind --state ${env['XDG_DATA_HOME']}/state`;
  const answered = async (answer: string): Promise<string> => {
    const terminal = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env });
    let shown = '';
    terminal.stdout.on('data', (chunk: Buffer) => {
      const asked = shown.includes('[y/N]');
      shown += chunk.toString();
      if (asked || !shown.includes('[y/N]')) return;
      if (answer === 'SIGTERM') process.kill(descendants(terminal.pid!).at(-1)!, answer);
      else terminal.stdin.write(answer);
    });
    await once(terminal, 'close');
    return shown;
  };
  for (const no of ['n\r', '\u0003'])
    expect(await answered(no)).toMatch(/Install http.*kind-linux.* as .*\? \[y\/N\][^]*--install-kind/);
  expect(existsSync(ownPrograms(env))).toBe(false);
  site = { [urlPath(env)]: released, [`${urlPath(env)}.sha256sum`]: sumOf(released) };
  expect(await answered('y\r')).toContain(`kind ${KIND_VERSION} is in ${ownPrograms(env)}`);
  expect(kindProgram(env)).toBeDefined();
  docker.close();
});
