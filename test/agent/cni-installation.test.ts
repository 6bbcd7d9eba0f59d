import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PluginSettings } from '../../runtime/agent/cni-config';
import { installCni, type CniInstallation } from '../../runtime/agent/cni-installation';
import { eventually } from './node';

const settings: PluginSettings = {
  type: 'ambient-cni',
  socket: '/run/cni.sock',
  exempt: 'istio-system/ambient-agent-',
};
let root: string;
let installed: CniInstallation | undefined;

const at = (...names: string[]): string => path.join(root, ...names);
const network = (subnet: string): string =>
  JSON.stringify({ cniVersion: '0.3.1', name: 'kindnet', plugins: [{ type: 'ptp', ipam: { subnet } }] });
const install = (): void => {
  installed = installCni({ program: at('program'), configurations: at('net.d'), plugins: at('bin') }, settings);
};
const ours = (): string => readFileSync(at('net.d', '00-ambient.conflist'), 'utf8');

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'ambient-cni-'));
  mkdirSync(at('net.d'));
  mkdirSync(at('bin'));
  writeFileSync(at('program'), 'program');
  writeFileSync(at('net.d', '10-kindnet.conflist'), network('10.244.0.0/24'));
});
afterEach(() => {
  installed?.close();
  rmSync(root, { recursive: true });
});

test('puts program and configuration beside what the node has, and takes both away', () => {
  install();
  expect(statSync(at('bin', 'ambient-cni')).mode & 0o777).toBe(0o755);
  expect(JSON.parse(ours()).plugins.map(({ type }: { type: string }) => type)).toEqual(['ptp', 'ambient-cni']);
  installed!.remove();
  expect(readdirSync(at('net.d'))).toEqual(['10-kindnet.conflist']);
  expect(readFileSync(at('net.d', '10-kindnet.conflist'), 'utf8')).toBe(network('10.244.0.0/24'));
  expect(readdirSync(at('bin'))).toEqual([]);
});

test('outlives the agent, and the next one takes it over', () => {
  install();
  const before = ours();
  installed!.close();
  expect(ours()).toBe(before);
  install();
  expect(ours()).toBe(before);
});

test('follows the primary network', async () => {
  install();
  writeFileSync(at('next'), network('10.250.0.0/24'));
  renameSync(at('next'), at('net.d', '10-kindnet.conflist'));
  await eventually(() => ours().includes('10.250.0.0/24'));
  writeFileSync(at('net.d', '05-calico.conflist'), network('10.251.0.0/24'));
  await eventually(() => ours().includes('10.251.0.0/24'));
});

test('comes back when somebody removes it, and stays while there is no network', async () => {
  install();
  const before = ours();
  rmSync(at('net.d', '00-ambient.conflist'));
  await eventually(() => existsSync(at('net.d', '00-ambient.conflist')) && ours() === before);
  rmSync(at('net.d', '10-kindnet.conflist'));
  writeFileSync(at('net.d', '10-other.conflist'), network('10.252.0.0/24'));
  await eventually(() => ours().includes('10.252.0.0/24'));
});

test('is left out where this build has no program for the machine', () => {
  rmSync(at('program'));
  install();
  expect(installed).toBeUndefined();
  expect(readdirSync(at('net.d'))).toEqual(['10-kindnet.conflist']);
});
