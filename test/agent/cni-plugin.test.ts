import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addressesOf, serveCni, type CmdAdd } from '../../runtime/agent/cni-server';

// The program as it is built for this machine, against the agent's own server.
const PROGRAM = path.resolve('dist', 'cni', `ambient-cni-${process.arch}`);
let folder: string;
let agent: { close: () => void } | undefined;
const socket = (): string => path.join(folder, 'cni.sock');

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-plugin-'));
});
afterEach(() => {
  agent?.close();
  agent = undefined;
  rmSync(folder, { recursive: true });
});

/** With text that a careless reader of JSON falls over. */
const prevResult = {
  cniVersion: '1.0.0',
  interfaces: [{ name: 'eth0', sandbox: '/var/run/netns/cni-1' }],
  ips: [{ address: '10.244.0.9/24', interface: 0 }, { address: 'fd00::9/64' }],
  dns: { search: ['a "quoted\\" one', '}', ']'] },
};
const configuration = (more: object = {}): string =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'kindnet',
    note: { socket: 'not this one', prevResult: 'nor this' },
    type: 'ambient-cni',
    socket: socket(),
    exempt: 'istio-system/ambient-agent-',
    prevResult,
    ...more,
  });

interface Ended {
  readonly code: number;
  readonly output: string;
}

function plugin(command: string, pod = 'shop/cart', input = configuration()): Promise<Ended> {
  const [namespace, name] = pod.split('/');
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/var/run/netns/cni-1',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_UID=u-1`,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, [], { env: { ...env, ...(pod === '' && { CNI_ARGS: '' }) } });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, output }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

const serve = async (answer: (command: CmdAdd) => Promise<boolean>): Promise<void> => {
  agent = await serveCni(socket(), answer);
};

test('asks the agent and hands on the result of the plugin before it', async () => {
  const asked: CmdAdd[] = [];
  await serve((command) => {
    asked.push(command);
    return Promise.resolve(true);
  });
  const { code, output } = await plugin('ADD');
  expect(JSON.parse(output)).toEqual(prevResult);
  expect(code).toBe(0);
  expect(asked).toMatchObject([
    { podNamespace: 'shop', podName: 'cart', podUid: 'u-1', netns: '/var/run/netns/cni-1' },
  ]);
  expect(addressesOf(asked[0]!)).toEqual(['10.244.0.9', 'fd00::9']);
});

test('fails with the words of an agent that cannot capture the pod', async () => {
  await serve(() => Promise.reject(new Error('no ztunnel is connected')));
  const { code, output } = await plugin('ADD');
  expect(code).toBe(1);
  expect(JSON.parse(output)).toEqual({
    cniVersion: '1.0.0',
    code: 11,
    msg: 'ambient: the agent of this node cannot capture the pod yet',
    details: 'no ztunnel is connected ',
  });
});

test('waits for an agent that is being replaced', async () => {
  const pending = plugin('ADD');
  await serve(() => Promise.resolve(true));
  expect(await pending).toMatchObject({ code: 0 });
});

test('fails when the agent ends before it has answered', async () => {
  const server = net.createServer((connection) => void connection.once('data', () => connection.destroy()));
  await new Promise<void>((resolve) => server.listen(socket(), resolve));
  agent = { close: () => void server.close() };
  const { code, output } = await plugin('ADD');
  expect(code).toBe(1);
  expect(JSON.parse(output)).toMatchObject({ code: 11 });
});

test('fails closed while the agent is away', { timeout: 40_000 }, async () => {
  const { code, output } = await plugin('ADD');
  expect(code).toBe(1);
  expect(JSON.parse(output).msg).toContain('does not answer');
});

test.each([
  ['the agent itself', 'istio-system/ambient-agent-x7k2p'],
  ["the system's pods", 'kube-system/coredns-1'],
  ['what is no pod of Kubernetes', ''],
])('lets %s start without asking', async (_, pod) => {
  const { code, output } = await plugin('ADD', pod);
  expect(JSON.parse(output)).toEqual(prevResult);
  expect(code).toBe(0);
});

test.each(['DEL', 'CHECK', 'GC', 'STATUS'])('%s says nothing and succeeds without the agent', async (command) => {
  expect(await plugin(command)).toEqual({ code: 0, output: '' });
});

test('knows the versions of the specification', async () => {
  expect(JSON.parse((await plugin('VERSION')).output).supportedVersions).toContain('1.0.0');
});

test.each([
  ['nothing', ''],
  ['half of an object', '{"socket":'],
  ['a path that no socket can have', `{"socket":"/${'x'.repeat(200)}"}`],
  ['a text that never ends', `{"a":"${'\\'.repeat(300_000)}`],
])('refuses a configuration of %s', async (_, input) => {
  expect(await plugin('ADD', 'shop/cart', input)).toMatchObject({ code: 1 });
});
