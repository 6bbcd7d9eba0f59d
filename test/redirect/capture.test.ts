import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EbpfCapture } from '../../runtime/redirect/ebpf/capture';
import { captureByNftables, dismantleNftables, releaseNftables } from '../../runtime/redirect/nftables/capture';
import { makeNetwork, type TestNetwork } from './network';
import { makeCgroups, makeStage, mountBpf, startActor, type Actor, type Stage } from './stage';

const UID = 'c0ffee00-0000-4000-8000-000000000001';
const ZTUNNEL_UID = 'c0ffee00-0000-4000-8000-000000000002';

interface Mechanism {
  capture(): Promise<void>;
  release(): Promise<void>;
  dismantle(): Promise<void>;
}

// rootless.test.ts runs this file again inside a user namespace, where there is neither eBPF nor a cgroup.
const rootless = process.env['CAPTURE_ROOTLESS'] !== undefined;

describe.each(rootless ? ['nftables'] : ['ebpf', 'nftables'])('capture by %s', (mode) => {
  let stage: Stage;
  let network: TestNetwork;
  let mechanism: Mechanism;
  let ebpf: EbpfCapture | undefined;
  let bpf: ReturnType<typeof mountBpf> | undefined;
  let cgroups: ReturnType<typeof makeCgroups> | undefined;
  let app: Actor; // in the captured pod
  let peer: Actor; // in a pod that is not captured
  let ztunnel: Actor;
  let node: Actor;
  let pod: { netns: string; ip: string; ip6: string };
  let other: { netns: string; ip: string; ip6: string };

  const startZtunnel = async (): Promise<void> => {
    ztunnel = startActor(stage, { cgroup: cgroups?.of(ZTUNNEL_UID) });
    const root = bpf?.root ?? '/none';
    expect(await ztunnel.ask({ do: 'ztunnel', netns: pod.netns, uid: UID, root })).toEqual({
      listening: true,
    });
  };

  beforeAll(async () => {
    stage = await makeStage();
    network = makeNetwork(['app', 'peer']);
    if (!rootless) {
      bpf = mountBpf(stage.folder);
      cgroups = makeCgroups(network.id, [UID, ZTUNNEL_UID]);
    }
    pod = network.pods['app']!;
    other = network.pods['peer']!;
    if (mode === 'ebpf') {
      ebpf = new EbpfCapture(stage.objects, bpf!.root);
      ebpf.attachZtunnel(ZTUNNEL_UID, cgroups!.of(ZTUNNEL_UID));
      mechanism = {
        capture: () => ebpf!.capture({ uid: UID, netns: pod.netns, cgroup: cgroups!.of(UID) }),
        release: () => ebpf!.release(UID, pod.netns),
        dismantle: () => ebpf!.dismantle(pod.netns),
      };
    } else {
      mechanism = {
        capture: () => captureByNftables(pod.netns),
        release: () => releaseNftables(pod.netns),
        dismantle: () => dismantleNftables(pod.netns),
      };
    }
    app = startActor(stage, { netns: pod.netns, cgroup: cgroups?.of(UID) });
    peer = startActor(stage, { netns: other.netns });
    node = startActor(stage, { netns: network.node });
    await app.ask({ do: 'serve', name: 'app', port: 8080, host: '::' });
    await peer.ask({ do: 'serve', name: 'peer', port: 8080, host: '::' });

    // Older than capture, both ways.
    await app.ask({ do: 'fetch', host: other.ip, port: 8080, keep: 'out' });
    await peer.ask({ do: 'fetch', host: pod.ip, port: 8080, keep: 'in' });
    await startZtunnel();
    await mechanism.capture();
  });
  afterAll(async () => {
    await Promise.all([app, peer, ztunnel, node].map((actor) => actor?.end()));
    cgroups?.remove();
    ebpf?.close();
    bpf?.remove();
    network.remove();
    stage.remove();
  });

  test('outbound TCP reaches ztunnel, which learns where it was going', async () => {
    expect(await app.ask({ do: 'fetch', host: other.ip, port: 8080 })).toMatchObject({ outbound: `${other.ip} 8080` });
    expect(await app.ask({ do: 'fetch', host: '10.96.0.77', port: 80 })).toMatchObject({ outbound: '10.96.0.77 80' });
  });

  test('outbound IPv6, and IPv4 in IPv6 notation', async () => {
    expect(await app.ask({ do: 'fetch', host: other.ip6, port: 8080 })).toMatchObject({
      outbound: `${other.ip6} 8080`,
    });
    const mapped = await app.ask({ do: 'fetch', host: `::ffff:${other.ip}`, port: 8080 });
    expect(mapped).toMatchObject({ outbound: `${other.ip} 8080` });
  });

  test('the application sees the peer that it asked for', async () => {
    const seen = await app.ask({ do: 'fetch', host: other.ip, port: 8080 });
    expect(seen).toMatchObject({ peer: other.ip, peerPort: 8080 });
  });

  test('both ends see the source that they would see without capture', async () => {
    const v4 = await app.ask({ do: 'fetch', host: other.ip, port: 8080 });
    expect(v4).toMatchObject({ source: pod.ip, local: pod.ip });
    expect(await app.ask({ do: 'fetch', host: other.ip6, port: 8080 })).toMatchObject({
      source: pod.ip6,
      local: pod.ip6,
    });
    const mapped = await app.ask({ do: 'fetch', host: `::ffff:${other.ip}`, port: 8080 });
    expect(mapped).toMatchObject({ source: pod.ip, local: `::ffff:${pod.ip}` });
  });

  test('the loopback and the pod itself are left alone', async () => {
    expect(await app.ask({ do: 'fetch', host: '127.0.0.1', port: 8080 })).toMatchObject({ app: 'app' });
    expect(await app.ask({ do: 'fetch', host: pod.ip, port: 8080 })).toMatchObject({ app: 'app' });
  });

  test('inbound TCP passes ztunnel once and comes from the client', async () => {
    const seen = await peer.ask({ do: 'fetch', host: pod.ip, port: 8080, keep: 'through' });
    expect(seen).toMatchObject({ app: 'app', client: `::ffff:${other.ip}` });
    expect(await peer.ask({ do: 'say', keep: 'through', text: 'x'.repeat(100_000) })).toEqual({
      text: 'x'.repeat(100_000),
    });
  });

  test('inbound IPv6 keeps the client as well', async () => {
    expect(await peer.ask({ do: 'fetch', host: pod.ip6, port: 8080 })).toMatchObject({ app: 'app', client: other.ip6 });
  });

  test.each([false, true])(
    'DNS goes to the proxy and seems to come from the server (connected: %s)',
    async (connected) => {
      const query = { do: 'udp', port: 53, text: 'query', connected };
      expect(await app.ask({ ...query, host: '10.96.0.10' })).toEqual({
        text: 'proxied query',
        from: '10.96.0.10',
        fromPort: 53,
      });
      expect(await app.ask({ ...query, host: 'fd00:96::10' })).toMatchObject({ from: 'fd00:96::10' });
    },
  );

  test('connections that are older than capture go on', async () => {
    expect(await app.ask({ do: 'say', keep: 'out', text: 'still' })).toEqual({ text: 'still' });
    expect(await peer.ask({ do: 'say', keep: 'in', text: 'here' })).toEqual({ text: 'here' });
  });

  test('capturing again changes nothing', async () => {
    await mechanism.capture();
    expect(await app.ask({ do: 'fetch', host: other.ip, port: 8080 })).toMatchObject({ outbound: `${other.ip} 8080` });
    expect(await peer.ask({ do: 'fetch', host: pod.ip, port: 8080 })).toMatchObject({ app: 'app' });
  });

  test('without ztunnel nothing passes, in or out, except probes; a new ztunnel takes over', async () => {
    await ztunnel.end();
    expect(await app.ask({ do: 'fetch', host: other.ip, port: 8080 })).toEqual({ error: 'ECONNREFUSED' });
    expect(await app.ask({ do: 'fetch', host: other.ip6, port: 8080 })).toEqual({ error: 'ECONNREFUSED' });
    expect(await peer.ask({ do: 'fetch', host: pod.ip, port: 8080 })).toEqual({ error: 'ECONNREFUSED' });
    expect(await peer.ask({ do: 'fetch', host: pod.ip6, port: 8080 })).toEqual({ error: 'ECONNREFUSED' });
    const probe = execFileSync('nsenter', [
      `--net=${network.node}`,
      process.execPath,
      '-e',
      `require('net').connect({host:'${pod.ip}',port:8080,localAddress:'169.254.7.127'}).on('error',e=>console.log(e.code))
       .once('data',d=>{console.log(String(d));process.exit()})`,
    ]);
    expect(JSON.parse(String(probe))).toMatchObject({ app: 'app', client: '::ffff:169.254.7.127' });
    await startZtunnel();
    expect(await app.ask({ do: 'fetch', host: other.ip, port: 8080 })).toMatchObject({ outbound: `${other.ip} 8080` });
    expect(await peer.ask({ do: 'fetch', host: pod.ip, port: 8080, keep: 'captured' })).toMatchObject({ app: 'app' });
  });

  test('release lets new connections pass and carried ones go on; dismantling leaves nothing', async () => {
    await mechanism.release();
    const after = await app.ask({ do: 'fetch', host: other.ip, port: 8080 });
    expect(after).toMatchObject({ app: 'peer', client: `::ffff:${pod.ip}` });
    expect(await peer.ask({ do: 'fetch', host: pod.ip, port: 8080 })).toMatchObject({ app: 'app', peer: pod.ip });
    expect(await peer.ask({ do: 'say', keep: 'captured', text: 'on' })).toEqual({ text: 'on' });
    await mechanism.dismantle();
    if (bpf !== undefined) expect(existsSync(`${bpf.root}/${UID}`)).toBe(false);
    const inside = (...command: string[]): string =>
      String(execFileSync('nsenter', [`--net=${pod.netns}`, ...command], { stdio: ['ignore', 'pipe', 'ignore'] }));
    expect(inside('nft', 'list', 'ruleset')).toBe('');
    expect(inside('ip', 'rule')).not.toContain('0x111');
    expect(inside('ip', '-6', 'rule')).not.toContain('0x111');
    await mechanism.dismantle();
  });
});
