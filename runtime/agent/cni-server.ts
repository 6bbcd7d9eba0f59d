import { mkdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { reasonOf } from '../errors';

const MAX_BODY_BYTES = 64 * 1024;

/** What the network plugin, or the embedded kubelet, says about a pod that is about to start. */
export interface CmdAdd {
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid?: string;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  readonly ip?: string;
  /** What the plugins before ours have done (CNI specification, section 5). */
  readonly result?: { readonly ips?: readonly { readonly address?: string }[] };
}

/** Addresses of the pod, without the lengths of their prefixes. */
export function addressesOf({ ip, result }: CmdAdd): string[] {
  const told = (result?.ips ?? []).flatMap(({ address }) => (address === undefined ? [] : [address.split('/')[0]!]));
  return ip === undefined ? told : [ip, ...told];
}

async function bodyOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_BODY_BYTES) throw new Error('the request is too long');
  }
  return text;
}

function parse(text: string): CmdAdd | undefined {
  try {
    const body = JSON.parse(text) as Partial<CmdAdd> | null;
    const { podName, podNamespace, netns } = body ?? {};
    const complete = [podName, podNamespace, netns].every((field) => typeof field === 'string' && field !== '');
    return complete ? (body as CmdAdd) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Serves `POST /cmdadd` on a unix socket: answers 200 `{"captured":bool}` once the pod may start, 400 for a request that
 * makes no sense, 503 with the reason while the pod must not start.
 */
export async function serveCni(
  socketPath: string,
  add: (request: CmdAdd) => Promise<boolean>,
): Promise<{ close: () => void }> {
  mkdirSync(path.dirname(socketPath), { recursive: true });
  rmSync(socketPath, { force: true });
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    if (request.method !== 'POST' || request.url !== '/cmdadd') return void response.writeHead(404).end();
    const command = parse(await bodyOf(request));
    if (command === undefined) {
      return void response.writeHead(400).end('podName, podNamespace and netns are required\n');
    }
    const captured = await add(command);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ captured }));
  };
  const server = http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(503).end(`${reasonOf(error)}\n`));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
