import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import { eventually, NODE, TestNode, type Placed } from './node';

describe.each(['ebpf', 'nftables'])('the agent, capturing by %s', (mode) => {
  let node: TestNode;
  let cart: Placed;
  let stock: Placed;
  let proxy: Placed;
  const captured = { outbound: expect.any(String) };

  beforeAll(async () => {
    node = await TestNode.start(mode);
    cart = await node.place('cart');
    stock = await node.place('stock');
    proxy = await node.place('ztunnel-1', { app: 'ztunnel' }, 'istio-system');
    await node.startAgent();
  });
  afterAll(() => node?.remove());

  const fetch = (from: Placed, to: Placed, keep?: string): Promise<Record<string, unknown>> =>
    from.app.ask({ do: 'fetch', host: to.ip, port: 8080, keep });
  const enabled = (...pods: Placed[]): Promise<void> =>
    eventually(async () =>
      (await Promise.all(pods.map((pod) => node.redirection(pod)))).every((at) => at === 'enabled'),
    );
  const startZtunnel = (): Promise<string[]> => node.startZtunnel(node.cgroups.get(proxy.uid)!.of(proxy.uid));

  test('says on the node how it captures', async () => {
    const read = async (): Promise<Record<string, string> | undefined> =>
      (await node.admin.get(KIND.Node, NODE))?.metadata.annotations;
    await eventually(async () => (await read())?.['ambient.dev/redirect'] === mode);
    expect((await read())?.['ambient.dev/redirect-reason']).toBe('asked for');
  });

  test('captures nothing before a ztunnel listens', async () => {
    await fetch(cart, stock, 'older');
    await node.label('shop', 'ambient');
    await eventually(() => node.lines.some((line) => line.includes('no ztunnel is connected')));
    expect(await fetch(cart, stock)).toMatchObject({ app: 'stock' });
    expect(await node.redirection(cart)).toBeUndefined();
  });

  test('enrolls running pods once ztunnel has acknowledged them', async () => {
    expect((await startZtunnel()).sort()).toEqual([cart.uid, stock.uid].sort());
    await enabled(cart, stock);
    expect(await fetch(cart, stock)).toMatchObject({ outbound: `${stock.ip} 8080` });
    expect(await fetch(proxy, stock)).toMatchObject({ app: 'stock', client: `::ffff:${proxy.ip}` });
  });

  test('shows a connection that is older than capture until it ends', async () => {
    expect(await cart.app.ask({ do: 'say', keep: 'older', text: 'on' })).toEqual({ text: 'on' });
    const seen = (event: string): boolean =>
      node.flows.some((flow) => flow.event === event && flow.source.pod === 'cart' && flow.destination.pod === 'stock');
    await eventually(() => seen('open'));
    expect(node.flows.find(({ event }) => event === 'open')).toMatchObject({
      reporter: 'node',
      mtls: false,
      reason: 'opened before enrolment',
      component: 'agent-1',
      destination: { address: stock.ip, port: 8080, namespace: 'shop', app: 'stock' },
    });
    expect(node.flows.filter(({ event }) => event === 'open')).toHaveLength(1);
    await cart.app.ask({ do: 'close', keep: 'older' });
    await eventually(() => seen('close'));
  });

  test('captures a new pod before its first container, and leaves out who is labelled none', async () => {
    const fresh = await node.place('fresh');
    const ask = (podName: string, netns: string): Promise<{ status: number; body: string }> =>
      node.cmdAdd({ podName, podNamespace: 'shop', netns });
    expect(await ask('fresh', fresh.netns)).toEqual({ status: 200, body: '{"captured":true}' });
    expect(await fetch(fresh, stock)).toMatchObject(captured);
    await enabled(fresh);
    const none = await node.place('none', { 'istio.io/dataplane-mode': 'none' });
    expect(await ask('none', none.netns)).toEqual({ status: 200, body: '{"captured":false}' });
    expect(await fetch(none, none)).toMatchObject({ app: 'none' });
    expect(await ask('missing', none.netns)).toMatchObject({ status: 503, body: expect.stringContaining('no pod') });
    expect(await node.cmdAdd({ podName: 'x' })).toMatchObject({ status: 400 });
  });

  test('traffic stops while ztunnel is away; a new one gets every pod', async () => {
    await node.stopZtunnel();
    expect(await fetch(cart, stock)).toEqual({ error: 'ECONNREFUSED' });
    expect(await fetch(proxy, stock)).toEqual({ error: 'ECONNREFUSED' });
    expect(await startZtunnel()).toHaveLength(3);
    expect(await fetch(cart, stock)).toMatchObject(captured);
    expect(await fetch(proxy, stock)).toMatchObject({ app: 'stock' });
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'capture holds without an agent (%s), and the next one takes it over',
    async (signal) => {
      await node.stopAgent(signal);
      expect(await fetch(cart, stock)).toMatchObject(captured);
      await node.stopZtunnel();
      expect(await fetch(cart, stock)).toEqual({ error: 'ECONNREFUSED' });
      await node.startAgent();
      expect(await startZtunnel()).toHaveLength(3);
      expect(await fetch(cart, stock)).toMatchObject(captured);
    },
  );

  test('an agent with the other mechanism takes the pods over, and back', async () => {
    const rules = (): string => String(execFileSync('nsenter', [`--net=${cart.netns}`, 'nft', 'list', 'ruleset']));
    const other = mode === 'ebpf' ? 'nftables' : 'ebpf';
    for (const next of [other, mode]) {
      await node.stopAgent();
      await node.startAgent(next);
      const pinned = (): boolean => existsSync(`${node.bpfRoot}/${cart.uid}/inbound_lookup`);
      await eventually(
        () => pinned() === (next === 'ebpf') && rules().includes('redirect to') === (next === 'nftables'),
      );
      await eventually(async () => (await fetch(cart, stock))['outbound'] === `${stock.ip} 8080`);
      await eventually(async () => (await fetch(proxy, stock))['client'] === `::ffff:${proxy.ip}`);
    }
  });

  test('a pod that is deleted leaves no trace', async () => {
    const fresh = node.placed.find(({ pod }) => pod.metadata.name === 'fresh')!;
    await node.admin.delete(KIND.Pod, 'fresh', 'shop', { gracePeriodSeconds: 0 });
    await eventually(() => !existsSync(`${node.bpfRoot}/${fresh.uid}`));
  });

  test('unenrolls when the label goes, also when it went while no agent ran', async () => {
    await node.stopAgent();
    await node.label('shop', null);
    await node.startAgent();
    await eventually(
      async () => (await node.redirection(cart)) === undefined && (await node.redirection(stock)) === undefined,
    );
    await eventually(async () => (await fetch(cart, stock))['app'] === 'stock');
    if (mode === 'ebpf') {
      const kept = [proxy.uid, 'shared'].sort().join();
      await eventually(() => readdirSync(node.bpfRoot).sort().join() === kept);
    }
    const left = /captured_pods 0\b/;
    await eventually(async () => left.test((await node.ask('/metrics', 15020)).body));
    expect((await node.ask('/metrics', 15020)).body).toMatch(/changes_total\{outcome="unenrolled"\} 2/);
  });
});
