import { once } from 'node:events';
import tls from 'node:tls';
import { Server } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSelfSignedFiles, readAuthority } from '../../runtime/istiod/ca/authority';
import { ServingCredentials } from '../../runtime/istiod/ca/serving-certificate';
import { bind } from '../../runtime/istiod/grpc-server';
import { startCluster, type Cluster } from './cluster';
import { SETTINGS } from './objects';
import { ADDRESS, AdsClient } from './reference-client';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

function handshake(options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const { ports, roots } = cluster.istiod;
  const socket = tls.connect({ host: '127.0.0.1', port: ports.xds, ca: roots, ALPNProtocols: ['h2'], ...options });
  return once(socket, 'secureConnect').then(() => socket);
}

describe('the TLS of 15012', () => {
  test.each(['istiod.istio-system.svc', 'istiod', 'istiod-remote.istio-system.svc', 'istio-pilot.istio-system.svc'])(
    'proves the name %s by the mesh root, speaks h2 over 1.3',
    async (servername) => {
      const socket = await handshake({ servername });
      expect([socket.authorized, socket.alpnProtocol, socket.getProtocol()]).toEqual([true, 'h2', 'TLSv1.3']);
      socket.destroy();
    },
  );

  test.each([
    ['another name', { servername: 'evil.example.com' }],
    ['TLS 1.2', { servername: 'istiod', maxVersion: 'TLSv1.2' as const }],
  ])('does not go with %s', async (_, options) => {
    await expect(handshake(options)).rejects.toThrow();
  });
});

test('a renewed serving certificate is for new connections, by the same root', async () => {
  const files = await createSelfSignedFiles('cluster.local');
  using credentials = await ServingCredentials.create(await readAuthority(files), SETTINGS);
  const server = new Server();
  const port = await bind(server, '127.0.0.1:0', credentials);
  const connect = async (): Promise<tls.TLSSocket> => {
    const ca = files['ca-cert.pem'];
    const socket = tls.connect({ host: '127.0.0.1', port, ca, servername: 'istiod', ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    return socket;
  };
  const first = await connect();
  await credentials.renew();
  const second = await connect();
  expect(second.authorized).toBe(true);
  expect(second.getPeerCertificate().serialNumber).not.toBe(first.getPeerCertificate().serialNumber);
  expect(first.destroyed).toBe(false);
  first.destroy();
  second.destroy();
  server.forceShutdown();
});

test('readiness, connected proxies and resources are shown', async () => {
  const { debug, metrics, xds } = cluster.istiod.ports;
  const get = async (port: number, path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get(debug, '/ready')).toEqual([200, 'ready\n']);
  expect((await get(debug, '/debug/nothing'))[0]).toBe(404);

  const client = new AdsClient(xds, cluster.istiod.roots, await cluster.token('shop', 'cart'));
  const id = 'ztunnel~10.0.0.1~cart-1.shop~shop.svc.cluster.local';
  client.send({ typeUrl: ADDRESS, node: { id, metadata: { NAMESPACE: 'shop' } } });
  await client.until(ADDRESS);
  expect(JSON.parse((await get(debug, '/debug/syncz'))[1])).toEqual([
    { proxy: 'cart-1.shop', type: 'ztunnel', resources: { [ADDRESS]: expect.any(Number) as number } },
  ]);
  expect(JSON.parse((await get(debug, '/debug/configz'))[1])).toMatchObject({ authorizations: [] });
  const [, text] = await get(metrics, '/metrics');
  expect(text).toContain('pilot_xds{type="ztunnel"} 1');
  expect(text).toMatch(new RegExp(`pilot_xds_pushes\\{type="${ADDRESS}"\\} \\d`));
  client.close();
});

test('a shutdown ends streams so that proxies come back at once', async () => {
  const client = new AdsClient(cluster.istiod.ports.xds, cluster.istiod.roots, await cluster.token('shop', 'cart'));
  const id = 'ztunnel~10.0.0.1~cart-1.shop~shop.svc.cluster.local';
  client.send({ typeUrl: ADDRESS, node: { id, metadata: { NAMESPACE: 'shop' } } });
  await client.until(ADDRESS);
  await cluster.restartIstiod();
  await expect(client.next()).rejects.toMatchObject({ code: 14 });
  client.close();
});
