// The demo as a newcomer runs it, twice in a row, and after everything of it was killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { cgroupName, findCgroup2 } from '../../runtime/cluster/node/cgroup';
import { ambient, descendants, DIST, eventually, runs, startAmbient, stateFolder } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

interface Summary {
  readonly readyMs: number;
  readonly memoryMiB: Readonly<Record<string, number>>;
  readonly requests: { allowed: number; deniedL4: number; deniedL7: number; failed: number };
  readonly mtlsShare: number;
  readonly edges: number;
  readonly redirect: string;
  readonly engine: string;
}

/** Makes the command take this Node for an old one, and start another. */
const OLD_NODE = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`,
];

const state = stateFolder();
const record = path.join(state, 'demo', 'supervisor.json');
const cgroup = path.join(findCgroup2()!, cgroupName(path.join(state, 'demo')));
afterAll(async () => {
  await ambient(['down', '--purge', '--state', path.join(state, 'demo')]);
  rmSync(state, { recursive: true, force: true });
});

/** Runs the demo to its end; its summary. */
async function demo(): Promise<Summary> {
  const { code, stdout, stderr } = await ambient(['demo', '--for', '5', '-o', 'json', '--state', state]);
  expect(`${code} ${stderr}`).toBe('0 ');
  return JSON.parse(stdout) as Summary;
}

function expectNothingLeft(): void {
  expect(existsSync(cgroup)).toBe(false);
  expect(existsSync(record)).toBe(false);
  const left = existsSync(path.join(state, 'demo')) ? readdirSync(path.join(state, 'demo')) : [];
  expect(left).toEqual([]);
}

test('shows allowed and denied traffic over mTLS, ends cleanly, and does so again at once', async () => {
  for (let round = 0; round < 2; round++) {
    const summary = await demo();
    expect(summary).toMatchObject({ engine: 'embedded', redirect: 'ebpf', mtlsShare: 1, requests: { failed: 0 } });
    const { allowed, deniedL4, deniedL7 } = summary.requests;
    expect(allowed).toBeGreaterThan(20);
    expect(deniedL4).toBeGreaterThan(0);
    expect(deniedL7).toBeGreaterThan(0);
    expect(summary.edges).toBeGreaterThanOrEqual(8);
    expect(summary.readyMs).toBeGreaterThan(300);
    expect(Object.keys(summary.memoryMiB)).toEqual(
      expect.arrayContaining(['supervisor', 'istiod', 'agent', 'ztunnel', 'waypoint', 'storefront', 'snooper']),
    );
    expectNothingLeft();
  }
});

test('starts again after kill -9 of all of it', async () => {
  const first = startAmbient(['demo', '--state', state]);
  let said = '';
  first.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes('http://127.0.0.1:') || undefined, 'flow page', 40);
  const page = await fetch(/http:\/\/127\.0\.0\.1:\S+/.exec(said)![0]);
  expect(page.status).toBe(200);
  const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
  const all = [...new Set([...descendants(first.pid!), ...descendants(pid)])];
  expect(all.length).toBeGreaterThan(10);
  const gone = once(first, 'exit');
  for (const one of all) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // The kernel took it along with the first process of its namespace.
    }
  }
  await gone;
  await eventually(() => (all.some(runs) ? undefined : true), 'end of all processes');

  expect((await demo()).requests.failed).toBe(0);
  expectNothingLeft();
});

test.each([
  ['Ctrl-C', [], 1],
  ['a signal to a launcher alone', OLD_NODE, 1],
  // As a terminal sends it.
  ['Ctrl-C to a launcher and what it has launched', OLD_NODE, -1],
])('%s ends it and leaves nothing', async (_, nodeArgs, sign) => {
  const args = [...nodeArgs, path.join(DIST, 'ambient.js'), 'demo', '--state', state];
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  running.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes('http://127.0.0.1:') || undefined, 'flow page', 40);
  const all = descendants(running.pid!);
  process.kill(sign * running.pid!, 'SIGINT');
  const [code] = (await once(running, 'exit')) as [number];
  expect(code).toBe(0);
  expect(all.filter(runs)).toEqual([]);
  expectNothingLeft();
});
