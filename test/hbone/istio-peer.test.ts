import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { WorkloadCertificate } from '../../runtime/hbone/model';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone } from '../../runtime/hbone/server';
import { splice } from '../../runtime/hbone/splice';
import { hbonePeerPath } from '../peers/hbone-path';
import { certificatesOf, createAuthority } from './authority';

// Istio's own HBONE library (istio/pkg/hbone) on the other end of the wire.
const client = 'spiffe://cluster.local/ns/shop/sa/web';
const server = 'spiffe://cluster.local/ns/shop/sa/books';
const folder = mkdtempSync(path.join(tmpdir(), 'hbone-'));
const children: ChildProcess[] = [];
let peer: string;
let certificate: WorkloadCertificate;
let peersOwn: WorkloadCertificate;
let application: Server;

beforeAll(async () => {
  peer = hbonePeerPath();
  const authority = await createAuthority();
  [certificate, peersOwn] = await Promise.all([authority.issue(server), authority.issue(client)]);
  writeFileSync(path.join(folder, 'cert.pem'), peersOwn.certificateChain);
  writeFileSync(path.join(folder, 'key.pem'), peersOwn.privateKey, { mode: 0o600 });
  writeFileSync(path.join(folder, 'root.pem'), peersOwn.roots);
  // Echoes, and when the client has ended says how much it was: works only with half close.
  application = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      socket.write(chunk);
    });
    socket.once('end', () => socket.end(`end of ${bytes}`));
  });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
}, 1_800_000);

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  application.close();
  rmSync(folder, { recursive: true });
});

const target = (): string => `127.0.0.1:${(application.address() as AddressInfo).port}`;
const sent = randomBytes(3_000_000);

function run(...args: string[]): ChildProcess {
  const child = spawn(peer, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

test('Istio’s client reaches an application through our server', async () => {
  const peers: string[] = [];
  await using proxy = await serveHbone({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: () => certificate,
    onRequest: (request) => {
      peers.push(request.peerIdentity);
      const upstream = connect({ ...request.authority, allowHalfOpen: true });
      upstream.once('connect', () => void splice(request.accept(), upstream));
    },
  });
  const output = path.join(folder, 'output');
  const child = run('connect', folder, `127.0.0.1:${proxy.address.port}`, target(), output);
  child.stdin?.write(sent);
  await vi.waitFor(() => expect(readFileSync(output).equals(sent)).toBe(true), { timeout: 10_000 });
  expect(peers).toEqual([client]);
});

test('our pool reaches an application through Istio’s server', async () => {
  const child = run('serve', folder);
  const port = await new Promise<number>((resolve) => child.stdout?.once('data', (line) => resolve(Number(line))));
  await using pool = new HbonePool({ certificates: certificatesOf(certificate) });
  const { stream } = await pool.connect({
    source: server,
    allowed: [client],
    address: '127.0.0.1',
    port,
    authority: target(),
  });
  stream.end(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const received = Buffer.concat(chunks);
  expect(received.subarray(0, sent.length).equals(sent)).toBe(true);
  expect(received.subarray(sent.length).toString()).toBe(`end of ${sent.length}`);
});
