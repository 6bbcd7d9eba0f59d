import { Client, Metadata, connectivityState, credentials } from '@grpc/grpc-js';
import { watch } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { tlsVersions } from '../hbone/tls';

/** How a proxy reaches istiod, for configuration and for certificates alike (protocol reference 1.1). */
export interface ControlPlane {
  /** `https://host:port` or `host:port`; TLS checks the host's name. */
  readonly address: string;
  /** Root certificates, PEM. Waited for where it does not exist yet; read anew for each connection. */
  readonly rootCertPath: string;
  /** Further names that the server may prove (`ALT_XDS_HOSTNAME`). */
  readonly alternativeHostname?: string;
  /** File of the service account token, read anew for each RPC. */
  readonly tokenPath: string;
  readonly clusterId: string;
}

/** Milliseconds that a connection to istiod may take. */
const connectTimeout = 5_000;
const maxMessage = 200 * 1024 * 1024;

/** Host and port of a control plane's address. */
export function targetOf(address: string): { readonly host: string; readonly port: number } {
  const url = new URL(address.includes('://') ? address : `https://${address}`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443) };
}

/**
 * Opens a gRPC channel to istiod; the caller closes it. Each channel is new, so that the root certificate is the
 * current one and no back-off of an earlier channel delays it.
 *
 * @throws when the root certificate cannot be read or is none
 */
export async function openChannel(plane: ControlPlane): Promise<Client> {
  const { host, port } = targetOf(plane.address);
  const context = createSecureContext({ ...tlsVersions, ca: await readFile(plane.rootCertPath) });
  const names = [host, ...(plane.alternativeHostname === undefined ? [] : [plane.alternativeHostname])];
  const verify = (_host: string, peer: PeerCertificate): Error | undefined => {
    const problems = names.map((name) => checkServerIdentity(name, peer));
    return problems.includes(undefined) ? undefined : problems[0];
  };
  return new Client(
    `${host.includes(':') ? `[${host}]` : host}:${port}`,
    credentials.createFromSecureContext(context, { checkServerIdentity: verify }),
    {
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.max_receive_message_length': maxMessage,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
    },
  );
}

/** Calls back when the channel is still not connected after 5 s; the returned function ends the wait. */
export function onConnectTimeout(client: Client, late: () => void): () => void {
  const timer = setTimeout(() => {
    if (client.getChannel().getConnectivityState(false) !== connectivityState.READY) late();
  }, connectTimeout);
  return () => clearTimeout(timer);
}

/** The headers of each RPC: the token as the file says now, unchanged, and the cluster. */
export async function authorization(plane: ControlPlane): Promise<Metadata> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${await readFile(plane.tokenPath, 'utf8')}`);
  metadata.set('clusterid', plane.clusterId);
  return metadata;
}

/**
 * Waits until a file may have changed: something happened in its folder, or the time (milliseconds) is over, or the
 * signal aborted. Never rejects.
 */
function fileEvent(file: string, timeout: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const watcher = new AbortController();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      watcher.abort();
      resolve();
    };
    const timer = setTimeout(done, timeout);
    signal.addEventListener('abort', done);
    try {
      watch(path.dirname(file), { persistent: false, signal: watcher.signal }, done).on('error', () => {});
    } catch {
      // The folder does not exist yet: the time limit brings us back.
    }
  });
}

/**
 * Waits until the root certificate's file exists, which the control plane may publish after we started.
 *
 * @param waiting called once when it has to wait
 */
export async function rootCertificate(file: string, signal: AbortSignal, waiting: () => void): Promise<void> {
  for (let told = false; !signal.aborted; told = true) {
    // Watch before looking, so that a file written in between is not missed.
    const done = new AbortController();
    const event = fileEvent(file, 500, AbortSignal.any([signal, done.signal]));
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists) {
      done.abort();
      return;
    }
    if (!told) waiting();
    await event;
  }
}
