import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { KubeClient } from '../../runtime/kube/client';
import type { HostMessage } from '../../runtime/graph/protocol';
import { FlowFeed } from '../../runtime/telemetry/flow-feed';

/** An API that knows no object, and answers nothing else until it is well. */
async function ailingApi(): Promise<{
  client: KubeClient;
  requests: string[];
  heal: () => void;
  [Symbol.asyncDispose]: () => Promise<void>;
}> {
  let well = false;
  const requests: string[] = [];
  const server = http.createServer(({ url = '' }, response) => {
    requests.push(url);
    if (!well) return response.writeHead(503).end();
    response.writeHead(200, { 'content-type': 'application/json' });
    if (url.includes('watch=true')) return response.flushHeaders();
    response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = { server: `http://127.0.0.1:${port}`, context: '', credentials: () => Promise.resolve({}) };
  const client = new KubeClient(options);
  return {
    client,
    requests,
    heal: () => (well = true),
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a source that cannot be opened is tried again until it can', async () => {
  await using api = await ailingApi();
  await using feed = new FlowFeed(api.client);
  let status: string | undefined;
  feed.view((message: HostMessage) => {
    if (message.kind === 'status') ({ text: status } = message);
  });
  await vi.waitUntil(() => status?.startsWith('Not everything is shown') && status.endsWith('trying again'), 10_000);
  api.heal();
  await feed.ready();
  await vi.waitUntil(() => status === 'Waiting for the mesh …', 10_000);
});

test('a feed that is closed tries no more', async () => {
  await using api = await ailingApi();
  const feed = new FlowFeed(api.client);
  await vi.waitUntil(() => api.requests.length > 0, 10_000);
  await feed[Symbol.asyncDispose]();
  await expect(feed.ready()).resolves.toBeUndefined();
});
