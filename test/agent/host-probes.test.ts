import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostProbes } from '../../runtime/agent/host-probes';
import type { Pod } from '../../runtime/api/resources';
import { makeNetwork, type TestNetwork } from '../redirect/network';

/** Answers each connection with the address that it came from. */
const SERVER =
  "require('net').createServer((s) => s.end(s.remoteAddress)).listen(8080, '0.0.0.0', () => console.log('up'))";
const CLIENT = "require('net').connect(8080, process.argv[1]).on('data', (d) => process.stdout.write(d))";

let network: TestNetwork;
let server: ChildProcess;

const pod = (name: string): Pod => ({
  metadata: { name, uid: `uid-${name}` },
  spec: { containers: [] },
  status: { podIPs: [{ ip: network.pods[name]!.ip }] },
});
const sourceFrom = async (netns: string): Promise<string> => {
  const args = [`--net=${netns}`, process.execPath, '-e', CLIENT, network.pods['cart']!.ip];
  return (await promisify(execFile)('nsenter', args)).stdout;
};

beforeAll(async () => {
  network = makeNetwork(['cart', 'stock']);
  server = spawn('nsenter', [`--net=${network.pods['cart']!.netns}`, process.execPath, '-e', SERVER]);
  await once(server.stdout!, 'data');
});
afterAll(() => {
  server?.kill('SIGKILL');
  network?.remove();
});

test('gives connections of the node to captured pods the source of probes, and no others', async () => {
  const { node, nodeIp, pods } = network;
  const probes = await HostProbes.start(node);
  expect(await sourceFrom(node)).toBe(nodeIp);
  await probes!.add(pod('cart'));
  await probes!.add(pod('cart'));
  expect(await sourceFrom(node)).toBe('169.254.7.127');
  expect(await sourceFrom(pods['stock']!.netns)).toBe(pods['stock']!.ip);
  await probes!.remove('uid-cart');
  expect(await sourceFrom(node)).toBe(nodeIp);
});

test('takes over from an earlier agent', async () => {
  const earlier = await HostProbes.start(network.node);
  await earlier!.add(pod('cart'));
  const probes = await HostProbes.start(network.node);
  expect(await sourceFrom(network.node)).toBe(network.nodeIp);
  await probes!.add(pod('cart'));
  expect(await sourceFrom(network.node)).toBe('169.254.7.127');
});

test('needs none where the agent sees only itself', async () => {
  expect(await HostProbes.start('/proc/self/ns/net')).toBeUndefined();
});
