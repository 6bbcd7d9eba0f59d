import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import type Docker from 'dockerode';
import { MeshError, reasonOf } from '../../errors';

/** A Docker engine that answers. */
export interface DockerEngine {
  readonly docker: Docker;
  /** As DOCKER_HOST names it; programs that are started get it, so that all speak to the same engine. */
  readonly host: string;
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    // Not there, or not ours to judge: Docker's own client complains about it.
    return undefined;
  }
}

const folderOf = (env: NodeJS.ProcessEnv): string => env['DOCKER_CONFIG'] || path.join(homedir(), '.docker');

interface Context {
  readonly Name?: string;
  readonly Endpoints?: { readonly docker?: { readonly Host?: string } };
}

/** The endpoint of Docker's current context, unless that is the default one. */
function contextHost(env: NodeJS.ProcessEnv): string | undefined {
  const folder = folderOf(env);
  const config = readJson<{ currentContext?: string }>(path.join(folder, 'config.json'));
  const name = env['DOCKER_CONTEXT'] || config?.currentContext;
  if (name === undefined || name === '' || name === 'default') return undefined;
  const digest = createHash('sha256').update(name).digest('hex');
  const meta = path.join(folder, 'contexts', 'meta', digest, 'meta.json');
  return readJson<Context>(meta)?.Endpoints?.docker?.Host;
}

/** Folder with ca.pem, cert.pem and key.pem for an endpoint: DOCKER_CERT_PATH, else that of the context that names it. */
function certificatesFor(host: string, env: NodeJS.ProcessEnv): string | undefined {
  if (!host.startsWith('tcp://')) return undefined;
  if (env['DOCKER_CERT_PATH']) return env['DOCKER_CERT_PATH'];
  const contexts = path.join(folderOf(env), 'contexts');
  const digests = existsSync(path.join(contexts, 'meta')) ? readdirSync(path.join(contexts, 'meta')) : [];
  const folders = digests
    .filter((digest) => {
      const context = readJson<Context>(path.join(contexts, 'meta', digest, 'meta.json'));
      return context?.Endpoints?.docker?.Host === host;
    })
    .map((digest) => path.join(contexts, 'tls', digest, 'docker'));
  return folders.find((folder) => existsSync(path.join(folder, 'cert.pem')));
}

/** What a program needs in its environment to speak to the same engine. */
export function dockerEnvironment(host: string, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const certificates = certificatesFor(host, env);
  return {
    DOCKER_HOST: host,
    ...(certificates !== undefined && { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates }),
    // kind would look for Docker's own engine behind Podman's socket.
    ...(/podman[^/]*\.sock$/.test(host) && {
      KIND_EXPERIMENTAL_PROVIDER: env['KIND_EXPERIMENTAL_PROVIDER'] || 'podman',
    }),
  };
}

/** Where Docker may be, best guess first: what the user says, else the sockets of Docker, rootless Docker and Podman. */
export function dockerHosts(env: NodeJS.ProcessEnv = process.env): string[] {
  const told = env['DOCKER_HOST'] || contextHost(env);
  if (told) return [told];
  const run = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(run === undefined ? [] : [path.join(run, 'docker.sock')]),
    path.join(homedir(), '.docker', 'run', 'docker.sock'),
    ...(run === undefined ? [] : [path.join(run, 'podman', 'podman.sock')]),
    '/run/podman/podman.sock',
  ]
    .filter((socket) => existsSync(socket))
    .map((socket) => `unix://${socket}`);
}

async function clientOf(host: string, env: NodeJS.ProcessEnv): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  if (host.startsWith('unix://')) return new Client({ socketPath: host.slice('unix://'.length) });
  if (host.startsWith('npipe://')) return new Client({ socketPath: host.slice('npipe://'.length) });
  const url = new URL(host);
  const at = { host: url.hostname, port: url.port || undefined, username: url.username || undefined };
  if (url.protocol === 'ssh:')
    return new Client({ ...at, protocol: 'ssh', sshOptions: { agent: env['SSH_AUTH_SOCK'] } });
  const certificates = certificatesFor(host, env);
  if (certificates === undefined) return new Client({ ...at, protocol: 'http' });
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFileSync(path.join(certificates, name)));
  return new Client({ ...at, protocol: 'https', ca, cert, key });
}

/** Finds the Docker engine. @throws MeshError AMB_ERR_NO_DOCKER with what was tried */
export async function findDocker(env: NodeJS.ProcessEnv = process.env): Promise<DockerEngine> {
  const hosts = dockerHosts(env);
  let reason = 'there is no socket of it on this machine';
  for (const host of hosts) {
    try {
      const docker = await clientOf(host, env);
      await docker.ping();
      return { docker, host };
    } catch (error) {
      reason = `${host}: ${reasonOf(error)}`;
    }
  }
  throw new MeshError('AMB_ERR_NO_DOCKER', { reason });
}
