// The embedded engine in a container against the same engine as processes of this machine, in turns: start, memory,
// and the time of a request through ztunnel, waypoint and five services. Of the start, what Docker takes to start an empty
// container of the same kind is told apart. Needs dist/ and Docker.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { EMBEDDED_IMAGE } from '../../runtime/engine/container/image';
import { findDocker } from '../../runtime/engine/kind/docker';
import type { Graph } from '../../runtime/graph/model';
import type { Figure } from './figure';

const RUNS = 5;
const DEMO_SECONDS = 25;
/** Issue: within 20 % of the same mesh outside. */
const LIMIT = 1.2;
const SYSTEM = ['supervisor', 'istiod', 'agent', 'ztunnel', 'waypoint'];

interface Measured {
  readonly readyMs: number;
  readonly memoryMiB: number;
  readonly p50Ms: number;
}

async function ambient<T>(...args: string[]): Promise<T> {
  const options = { maxBuffer: 64 * 2 ** 20 };
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/ambient.js', ...args, '-o', 'json'], options);
  return JSON.parse(stdout) as T;
}

/** One demo, and while it runs the median of what visitors wait for the shop's front page. */
async function demo(engine: string, state: string): Promise<Measured> {
  const args = ['demo', '--engine', engine, '--state', state, '--for', String(DEMO_SECONDS), '-o', 'json'];
  const child = spawn(process.execPath, ['dist/ambient.js', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const own = path.join(state, 'demo');
  let p50Ms: number | undefined;
  while (p50Ms === undefined && child.exitCode === null) {
    if (!existsSync(path.join(own, 'kubeconfig'))) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    const { edges } = await ambient<Graph>('flows', '--for', '6', '--state', own).catch((): Graph => ({
      nodes: [],
      edges: [],
    }));
    const whole = edges.some(({ waypoint }) => waypoint !== undefined);
    const front = edges.find((edge) => edge.source.endsWith('/visitors') && edge.destination.endsWith('/storefront'));
    if (whole) p50Ms = front?.p50Ms;
  }
  await ended;
  const { readyMs, memoryMiB } = JSON.parse(text) as { readyMs: number; memoryMiB: Record<string, number> };
  const memory = SYSTEM.reduce((sum, name) => sum + (memoryMiB[name] ?? 0), 0);
  return { readyMs, memoryMiB: memory, p50Ms: p50Ms ?? NaN };
}

/** @returns milliseconds from nothing to a container, privileged and with a published port, whose program is `true` */
async function emptyContainer(): Promise<number> {
  const { docker } = await findDocker();
  const started = performance.now();
  const container = await docker.createContainer({
    Image: EMBEDDED_IMAGE,
    Entrypoint: ['true'],
    ExposedPorts: { '6443/tcp': {} },
    HostConfig: { Privileged: true, PortBindings: { '6443/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
  });
  await container.start();
  const ms = performance.now() - started;
  await container.remove({ force: true });
  return ms;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** @returns medians of five runs each, taken in turns, and their ratios */
export async function bench(): Promise<Figure[]> {
  const state = mkdtempSync(path.join('/var', 'ambient-bench-'));
  const runs: Record<'container' | 'embedded', Measured[]> = { container: [], embedded: [] };
  const empty: number[] = [];
  try {
    for (let run = 0; run < RUNS; run++) {
      for (const engine of ['container', 'embedded'] as const)
        runs[engine].push(await demo(engine, path.join(state, engine)));
      empty.push(await emptyContainer());
    }
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
  const dockerMs = Math.round(median(empty));
  const compare = (name: string, unit: string, of: (measured: Measured) => number, less = 0): Figure => {
    const [value, peerValue] = [median(runs.container.map(of)) - less, median(runs.embedded.map(of))];
    const ratio = value / peerValue;
    return { name, value, unit, peer: 'embedded', peerValue, ratio, target: LIMIT * peerValue, ok: ratio <= LIMIT };
  };
  return [
    compare('start in a container', 'ms', ({ readyMs }) => readyMs),
    compare(`the same, less ${dockerMs} ms for an empty container`, 'ms', ({ readyMs }) => readyMs, dockerMs),
    compare('PSS in a container', 'MiB', ({ memoryMiB }) => memoryMiB),
    compare('request in a container, p50', 'ms', ({ p50Ms }) => p50Ms),
  ];
}
