import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Log } from '../../runtime/telemetry/log';
import { DeltaClient, type DeltaClientOptions } from '../../runtime/xds/delta-client';
import { MeshState, addressType, authorizationType } from '../../runtime/xds/mesh-state';
import { createAuthority } from '../hbone/authority';
import { TestControlPlane, type Session } from './control-plane';
import { policy, workload } from './mesh';

let plane: TestControlPlane;
let mesh: MeshState;
let client: DeltaClient | undefined;
const lines: string[] = [];
const write = (message: string): number => lines.push(message);
const log: Log = { debug: write, info: write, warn: write, error: write };

beforeEach(async () => {
  lines.length = 0;
  mesh = new MeshState();
  plane = await TestControlPlane.create();
  await plane.start();
});

afterEach(async () => {
  await client?.close();
  client = undefined;
  plane.dispose();
});

function connect(more: Partial<DeltaClientOptions> = {}): DeltaClient {
  client = new DeltaClient({
    ...plane.plane,
    node: {
      id: 'ztunnel~10.0.0.1~ztunnel.istio-system~istio-system.svc.cluster.local',
      metadata: { NODE_NAME: 'node-0' },
    },
    types: [
      { typeUrl: addressType, onResources: mesh.applyAddresses },
      { typeUrl: authorizationType, onResources: mesh.applyAuthorizations },
    ],
    log,
    ...more,
  });
  return client;
}

/** Waits for the nth stream and its first requests. */
async function session(index: number, requests = 2): Promise<Session> {
  return vi.waitFor(
    () => {
      const found = plane.sessions[index];
      if (found === undefined || found.requests.length < requests) throw new Error(`no stream ${index} yet`);
      return found;
    },
    { timeout: 5000, interval: 5 },
  );
}

const answer = (to: Session, n: number) =>
  vi.waitFor(() => {
    const found = to.requests[n];
    if (found === undefined) throw new Error(`no request ${n} yet`);
    return found;
  });

test('both types are asked for with the node; ready after both are accepted', async () => {
  const started = connect();
  const stream = await session(0);
  expect(
    stream.requests.map(({ typeUrl, node, resourceNamesSubscribe }) => [
      typeUrl,
      node?.id.split('~')[0],
      node?.metadata,
      resourceNamesSubscribe,
    ]),
  ).toEqual([
    [addressType, 'ztunnel', { NODE_NAME: 'node-0' }, []],
    [authorizationType, 'ztunnel', { NODE_NAME: 'node-0' }, []],
  ]);
  expect(stream.metadata.get('authorization')).toEqual(['Bearer token-1']);
  expect(stream.metadata.get('clusterid')).toEqual(['Kubernetes']);
  stream.send({ typeUrl: addressType, nonce: 'n1', resources: [workload('shop', 'a', '10.0.0.1')] });
  const { typeUrl, responseNonce, errorDetail, node } = await answer(stream, 2);
  expect([typeUrl, responseNonce, errorDetail, node]).toEqual([addressType, 'n1', undefined, undefined]);
  expect(started.isReady).toBe(false);
  stream.send({ typeUrl: authorizationType, nonce: 'n2' });
  await started.ready;
  expect(mesh.workloadByAddress('', '10.0.0.1')?.name).toBe('a');
});

test('a bad resource is rejected by name, the good ones are taken; ready only once it is repaired', async () => {
  const started = connect();
  const stream = await session(0);
  stream.send({ typeUrl: authorizationType, nonce: 'p' });
  stream.send({
    typeUrl: addressType,
    nonce: 'n1',
    resources: [workload('shop', 'bad', '10.0.0.1', { tunnelProtocol: 2 }), workload('shop', 'good', '10.0.0.2')],
    bare: ['empty'],
  });
  const rejection = await answer(stream, 3);
  expect(rejection.responseNonce).toBe('n1');
  expect(rejection.errorDetail?.message).toBe(
    'empty: resource is missing; Kubernetes//Pod/shop/bad: unknown enum: TunnelProtocol 2',
  );
  expect(mesh.workloadByAddress('', '10.0.0.2')?.name).toBe('good');
  expect(started.isReady).toBe(false);
  stream.send({ typeUrl: addressType, nonce: 'n2', resources: [workload('shop', 'bad', '10.0.0.1')] });
  await started.ready;
});

test('after a break the versions held are told, without what was rejected or removed; the token is read anew', async () => {
  connect();
  const first = await session(0);
  first.send({
    typeUrl: addressType,
    nonce: '1',
    resources: [
      workload('shop', 'a', '10.0.0.1'),
      workload('shop', 'b', '10.0.0.2'),
      workload('shop', 'bad', '10.0.0.3', { status: 9 as never }),
    ],
  });
  first.send({ typeUrl: addressType, nonce: '2', removed: ['Kubernetes//Pod/shop/b'] });
  first.send({ typeUrl: authorizationType, nonce: '3', resources: [policy('shop', 'p')] });
  await answer(first, 4);
  writeFileSync(plane.tokenPath, 'token-2');
  plane.stop();
  await plane.start();
  const second = await session(1);
  expect(second.requests.map(({ initialResourceVersions }) => initialResourceVersions)).toEqual([
    { 'Kubernetes//Pod/shop/a': '1' },
    { 'shop/p': '' },
  ]);
  expect(second.metadata.get('authorization')).toEqual(['Bearer token-2']);
  expect(mesh.workloadByAddress('', '10.0.0.1')?.name).toBe('a');
  second.send({ typeUrl: addressType, nonce: '4', removed: ['Kubernetes//Pod/shop/a'] });
  await vi.waitFor(() => expect([...mesh.workloads]).toEqual([]));
});

test('the wait between tries doubles from 10 ms', async () => {
  plane.stop();
  connect();
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(4), { timeout: 5000 });
  expect(lines.slice(0, 4).map((line) => /retrying in (\d+)ms/.exec(line)?.[1])).toEqual(['10', '20', '40', '80']);
  expect(lines[0]).toContain('XDS client connection error: ');
});

test('a root certificate that comes later is waited for', async () => {
  const hidden = `${plane.rootCertPath}.later`;
  renameSync(plane.rootCertPath, hidden);
  connect();
  await vi.waitFor(() => expect(lines.join()).toContain('waiting for root certificate'));
  renameSync(hidden, plane.rootCertPath);
  await session(0);
});

test('a server of another root or another name is not trusted; a name given as alternative is', async () => {
  const root = (await createAuthority('O=other')).root;
  writeFileSync(plane.rootCertPath, root);
  connect();
  await vi.waitFor(() => expect(lines.join()).toContain('retrying'));
  expect(plane.sessions).toEqual([]);
  writeFileSync(plane.rootCertPath, plane.authority.root);
  await session(0);
  await client?.close();

  plane.dispose();
  plane = await TestControlPlane.create(['dns:istiod.istio-system.svc']);
  await plane.start();
  lines.length = 0;
  connect();
  await vi.waitFor(() => expect(lines.join()).toContain('retrying'));
  expect(plane.sessions).toEqual([]);
  await client?.close();
  connect({ alternativeHostname: 'istiod.istio-system.svc' });
  await session(0);
});

test('closing ends the stream and the waits', async () => {
  const streaming = connect();
  const { stream } = await session(0);
  const ended = new Promise((resolve) => stream.once('cancelled', resolve));
  await streaming.close();
  await ended;
  rmSync(plane.rootCertPath);
  await connect().close();
});

test('any type is passed on with the type URL of its resource', async () => {
  const taken: unknown[] = [];
  connect({
    types: [
      {
        typeUrl: 'gateway.networking.k8s.io/v1/HTTPRoute',
        onResources: (resources) => {
          taken.push(...resources);
          return [];
        },
      },
    ],
  });
  const stream = await session(0, 1);
  const resource = {
    name: 'shop/r',
    version: '7',
    typeUrl: 'type.googleapis.com/google.protobuf.Struct',
    value: new Uint8Array([1]),
  };
  stream.send({ typeUrl: 'gateway.networking.k8s.io/v1/HTTPRoute', nonce: 'n', resources: [resource] });
  await client?.ready;
  expect(taken).toEqual([{ ...resource, value: Buffer.from([1]) }]);
});
