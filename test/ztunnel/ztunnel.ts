import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { TestAgent } from './agent';
import type { ControlPlane } from './control-plane';

/** The node's address, where tests let a resolver listen. */
export const RESOLVER = '10.9.0.1';
const root = path.join(__dirname, '..', '..');

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Waits until `probe` answers something; a test that waits too long fails by its own timeout. */
export async function eventually<T>(probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One line of the access log, taken apart. */
export interface LogLine {
  readonly level: string;
  readonly scope: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly raw: string;
}

function parse(raw: string): LogLine {
  const [, level = '', scope = '', message = '', rest = ''] = raw.split('\t');
  const fields = Object.fromEntries(
    [...rest.matchAll(/([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, key = '', value = '']) => [
      key,
      value.startsWith('"') ? (JSON.parse(value) as string) : value,
    ]),
  );
  return { level, scope, message, fields, raw };
}

/** A real ztunnel process with the tests' own agent, told by the tests' own control plane. */
export class Ztunnel {
  readonly lines: LogLine[] = [];
  readonly flows: FlowRecord[] = [];
  readonly #folder: string;
  agent!: TestAgent;
  #process!: ChildProcess;
  #ports!: { admin: number; stats: number; readiness: number };
  #flowRequest: http.ClientRequest | undefined;

  private constructor() {
    this.#folder = mkdtempSync(path.join(tmpdir(), 'ztunnel-'));
  }

  static async start(plane: ControlPlane, env: Record<string, string> = {}): Promise<Ztunnel> {
    const self = new Ztunnel();
    const file = (name: string): string => path.join(self.#folder, name);
    await build({
      entryPoints: [path.join(root, 'runtime/ztunnel/main.ts')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['koffi', 'lmdb'],
      define: { 'import.meta.url': '__bundle_url' },
      banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
      outfile: file('ztunnel.js'),
      logLevel: 'error',
    });
    writeFileSync(file('root.pem'), plane.rootPem);
    writeFileSync(file('token'), 'test-token');
    self.agent = new TestAgent(file('zds.sock'));
    self.#ports = { admin: await freePort(), stats: await freePort(), readiness: await freePort() };
    writeFileSync(file('resolv.conf'), `nameserver ${RESOLVER}\n`);
    // A mount namespace of its own gives the process its own resolv.conf, as a pod has.
    const script = `mount --bind ${file('resolv.conf')} /etc/resolv.conf && exec "$0" ${file('ztunnel.js')}`;
    self.#process = spawn('unshare', ['--mount', 'sh', '-c', script, process.execPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_PATH: path.join(root, 'node_modules'),
        NODE_NAME: 'node-1',
        POD_NAME: 'ztunnel-test',
        POD_NAMESPACE: 'istio-system',
        INSTANCE_IP: '127.0.0.1',
        INPOD_UDS: file('zds.sock'),
        XDS_ADDRESS: `https://localhost:${plane.port}`,
        XDS_ROOT_CA: file('root.pem'),
        CA_ROOT_CA: file('root.pem'),
        AUTH_TOKEN: file('token'),
        ISTIO_META_DNS_CAPTURE: 'true',
        ADMIN_ADDR: `127.0.0.1:${self.#ports.admin}`,
        STATS_ADDR: `127.0.0.1:${self.#ports.stats}`,
        READINESS_ADDR: `127.0.0.1:${self.#ports.readiness}`,
        ...env,
      },
    });
    createInterface({ input: self.#process.stdout! }).on('line', (line) => {
      self.lines.push(parse(line));
      if (process.env['TEST_LOG']) console.log(line);
    });
    await self.agent.accept();
    return self;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** The status and text of a local HTTP answer of this ztunnel. */
  get(of: 'admin' | 'stats' | 'readiness', url: string, method = 'GET'): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#ports[of], path: url, method };
      http
        .request(options, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        })
        .once('error', reject)
        .end();
    });
  }

  async ready(): Promise<void> {
    await eventually(
      async () => (await this.get('readiness', '/healthz/ready').catch(() => undefined))?.status === 200,
    );
  }

  /** Reads the flow stream from now on. */
  async watchFlows(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#flowRequest = http
        .get({ host: '127.0.0.1', port: this.#ports.stats, path: '/flows' }, (response) => {
          response.on('error', () => {});
          createInterface({ input: response })
            .on('line', (line) => this.flows.push(JSON.parse(line) as FlowRecord))
            .on('error', () => {});
          resolve();
        })
        .on('error', reject);
    });
    this.#flowRequest!.on('error', () => {});
  }

  /** Waits for a line of the access log with these fields, from line `since` on. */
  access(fields: Record<string, string>, since = 0): Promise<LogLine> {
    return eventually(() =>
      this.lines
        .slice(since)
        .find(
          (line) =>
            line.scope === 'access' && Object.entries(fields).every(([name, value]) => line.fields[name] === value),
        ),
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async exited(): Promise<number | null> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    return this.#process.exitCode;
  }

  async stop(): Promise<void> {
    this.#flowRequest?.destroy();
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL');
    await this.exited();
    this.agent.close();
    rmSync(this.#folder, { recursive: true });
  }
}
