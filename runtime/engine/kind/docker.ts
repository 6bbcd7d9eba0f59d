import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
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

/** The endpoint of Docker's current context, unless that is the default one. */
function contextHost(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env['DOCKER_CONFIG'] ?? path.join(homedir(), '.docker');
  const config = readJson<{ currentContext?: string }>(path.join(folder, 'config.json'));
  const name = env['DOCKER_CONTEXT'] ?? config?.currentContext;
  if (name === undefined || name === '' || name === 'default') return undefined;
  const digest = createHash('sha256').update(name).digest('hex');
  const meta = path.join(folder, 'contexts', 'meta', digest, 'meta.json');
  return readJson<{ Endpoints?: { docker?: { Host?: string } } }>(meta)?.Endpoints?.docker?.Host;
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

async function clientOf(host: string): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  if (host.startsWith('unix://')) return new Client({ socketPath: host.slice('unix://'.length) });
  // TLS and ssh take their settings from the environment, by the rules of Docker's own client.
  if (host === process.env['DOCKER_HOST']) return new Client();
  const url = new URL(host);
  const protocol = url.protocol === 'ssh:' ? 'ssh' : 'http';
  return new Client({ protocol, host: url.hostname, port: url.port, username: url.username || undefined });
}

/** Finds the Docker engine. @throws MeshError AMB_ERR_NO_DOCKER with what was tried */
export async function findDocker(env: NodeJS.ProcessEnv = process.env): Promise<DockerEngine> {
  const hosts = dockerHosts(env);
  let reason = 'there is no socket of it on this machine';
  for (const host of hosts) {
    try {
      const docker = await clientOf(host);
      await docker.ping();
      return { docker, host };
    } catch (error) {
      reason = `${host}: ${reasonOf(error)}`;
    }
  }
  throw new MeshError('AMB_ERR_NO_DOCKER', { reason });
}
