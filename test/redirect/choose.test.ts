import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import os from 'node:os';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPodCgroup } from '../../runtime/redirect/cgroups';
import { chooseRedirect } from '../../runtime/redirect/choose';
import { makeStage, mountBpf, type Stage } from './stage';

let stage: Stage;
let bpf: ReturnType<typeof mountBpf>;
beforeAll(async () => {
  stage = await makeStage();
  bpf = mountBpf(stage.folder);
});
afterAll(() => {
  bpf.remove();
  stage.remove();
});

test('auto takes eBPF where it works, and leaves no pin of the trial', () => {
  const chosen = chooseRedirect('auto', { objects: stage.objects, pinRoot: bpf.root });
  expect(chosen.mode).toBe('ebpf');
  expect(readdirSync(bpf.root)).toEqual(['shared']);
  if (chosen.mode === 'ebpf') chosen.capture.close();
});

test('without objects auto says so and falls back; asking for eBPF is an error with a remedy', () => {
  const nowhere = { objects: path.join(stage.folder, 'none'), pinRoot: bpf.root };
  expect(chooseRedirect('auto', nowhere)).toMatchObject({ mode: 'nftables', reason: expect.stringContaining('none') });
  expect(() => chooseRedirect('ebpf', nowhere)).toThrow(expect.objectContaining({ code: 'AMB_ERR_NO_BPF_OBJECTS' }));
});

test('a folder that is no BPF file system is a reason', () => {
  const options = { objects: stage.objects, pinRoot: path.join(stage.folder, 'plain') };
  expect(chooseRedirect('auto', options)).toMatchObject({
    mode: 'nftables',
    reason: expect.stringContaining('BPF file'),
  });
  expect(() => chooseRedirect('ebpf', options)).toThrow(expect.objectContaining({ code: 'AMB_ERR_EBPF_UNAVAILABLE' }));
});

test('an object that the kernel refuses is a reason', () => {
  const broken = path.join(stage.folder, 'broken');
  mkdirSync(broken);
  for (const name of readdirSync(stage.objects)) writeFileSync(path.join(broken, name), 'not an object');
  const chosen = chooseRedirect('auto', { objects: broken, pinRoot: bpf.root });
  expect(chosen).toMatchObject({ mode: 'nftables', reason: expect.stringContaining('refuses') });
});

test.each([
  ['of our own', 'ambient-1/podUID', 'ambient-1/podUID'],
  ['of cgroupfs', 'kubepods/burstable/podUID/container1', 'kubepods/burstable/podUID'],
  ['of systemd', 'k.slice/k-b.slice/k-b-podU_I_D.slice/cri-1.scope', 'k.slice/k-b.slice/k-b-podU_I_D.slice'],
])("finds a pod's cgroup %s", (_, made, found) => {
  const uid = '11111111-2222-4333-8444-555555555555';
  const fill = (text: string): string => text.replace('UID', uid).replace('U_I_D', uid.replaceAll('-', '_'));
  const root = mkdtempSync(path.join(os.tmpdir(), 'cgroups-'));
  mkdirSync(path.join(root, 'other', 'deeper'), { recursive: true });
  mkdirSync(path.join(root, fill(made)), { recursive: true });
  expect(findPodCgroup(uid, root)).toBe(path.join(root, fill(found)));
  expect(findPodCgroup('22222222-2222-4333-8444-555555555555', root)).toBeUndefined();
  rmSync(root, { recursive: true });
});

test('rootless, in a user namespace, nftables is chosen', () => {
  const script = `
    const { chooseRedirect } = require(${JSON.stringify(path.join(stage.folder, 'choose.js'))});
    console.log(JSON.stringify(chooseRedirect('auto', { objects: ${JSON.stringify(stage.objects)} })));`;
  const esbuild = path.resolve(import.meta.dirname, '../../node_modules/.bin/esbuild');
  execFileSync(esbuild, [
    path.resolve(import.meta.dirname, '../../runtime/redirect/choose.ts'),
    '--bundle',
    '--platform=node',
    '--external:koffi',
    '--define:import.meta.url=__bundle_url',
    "--banner:js=const __bundle_url = require('node:url').pathToFileURL(__filename).href;",
    `--outfile=${path.join(stage.folder, 'choose.js')}`,
    '--log-level=error',
  ]);
  const user = ['--user', '--map-root-user', '--net', '--mount'];
  const answer = execFileSync('unshare', [...user, process.execPath, '-e', script]);
  expect(JSON.parse(String(answer))).toMatchObject({
    mode: 'nftables',
    reason: expect.stringContaining('user namespace'),
  });
});
