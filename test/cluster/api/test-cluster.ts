import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bootstrapCluster } from '../../../runtime/cluster/api/bootstrap';
import type { KubeletHooks } from '../../../runtime/cluster/api/kubelet-hooks';
import { createApiServer, type ApiServer } from '../../../runtime/cluster/api/server';
import { adminKubeconfig, openPki, type Pki } from '../../../runtime/cluster/auth/pki';
import { openStore, type Store } from '../../../runtime/cluster/store/store';
import { kubectlPath } from '../../peers/kubectl-path';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  json<T = Record<string, never>>(): T;
}
export interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** An API server with a store of its own on a free loopback port, and real clients to drive it. */
export class TestCluster implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly store: Store,
    readonly pki: Pki,
    readonly api: ApiServer,
    readonly port: number,
    private readonly controllers: Disposable,
  ) {}

  static async start(kubelet?: KubeletHooks): Promise<TestCluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'ambient-api-'));
    const store = openStore(path.join(folder, 'store'));
    const pki = await openPki(path.join(folder, 'pki'));
    const controllers = await bootstrapCluster(store, pki);
    const api = createApiServer({ store, pki, kubelet });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 }, { loopbackOnly: true });
    writeFileSync(path.join(folder, 'kubeconfig'), adminKubeconfig(pki, `https://127.0.0.1:${port}`), { mode: 0o600 });
    return new TestCluster(folder, store, pki, api, port, controllers);
  }

  get kubeconfig(): string {
    return path.join(this.folder, 'kubeconfig');
  }

  /** Environment of a kubectl that knows this cluster alone and keeps nothing on the machine. */
  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      KUBECONFIG: this.kubeconfig,
      HOME: this.folder,
      KUBECACHEDIR: path.join(this.folder, 'cache'),
    };
  }

  /** Runs kubectl to its end. */
  kubectl(command: string, input?: string): Promise<Output> {
    const args = (command.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((text) => text.replaceAll("'", ''));
    return new Promise((resolve, reject) => {
      const child = spawn(kubectlPath(), args, { env: this.environment });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk) => (out += String(chunk)));
      child.stderr.on('data', (chunk) => (err += String(chunk)));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, out, err }));
      child.stdin.end(input);
    });
  }

  /** One request as the administrator, or with the given headers. */
  request(
    method: string,
    url: string,
    {
      body,
      headers = {},
      token = this.pki.adminToken,
    }: { body?: unknown; headers?: Record<string, string>; token?: string } = {},
  ): Promise<Answer> {
    const content =
      body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = https.request({
        host: '127.0.0.1',
        port: this.port,
        path: url,
        method,
        ca: this.pki.caCertificate,
        servername: 'localhost',
        agent: false,
        headers: {
          ...(token !== '' && { authorization: `Bearer ${token}` }),
          ...(content && { 'content-type': 'application/json', 'content-length': String(content.length) }),
          ...headers,
        },
      });
      request.once('error', reject);
      request.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: <T>() => JSON.parse(text) as T,
          }),
        );
      });
      request.end(content);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.controllers[Symbol.dispose]();
    await this.api[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
