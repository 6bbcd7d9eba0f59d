// What the mesh adds to the start of a kind cluster: `ambient up --engine kind`, its images built, against kind alone until
// every pod of its is Ready. Interleaved. Needs dist/, Docker and kind.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import { connect } from '../../runtime/kube/client';
import { isReady } from '../../runtime/kube/pod-ready';
import { waitFor } from '../../runtime/kube/wait';
import type { Figure } from './figure';

const RUNS = 3;
/** Issue: at most so much more than plain kind. */
const MORE_MS = 15_000;
const PATIENCE_MS = 300_000;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** @returns milliseconds until a cluster that kind makes by itself has every pod Ready */
async function plain(folder: string, name: string): Promise<number> {
  const kubeconfig = path.join(folder, 'plain.kubeconfig');
  const kind = (...args: string[]): void => {
    execFileSync('kind', [...args, '--name', name, '--kubeconfig', kubeconfig], { stdio: 'ignore' });
  };
  const started = performance.now();
  const { AMBIENT_KIND_NODE_IMAGE: image } = process.env;
  kind('create', 'cluster', ...(image === undefined ? [] : ['--image', image]));
  try {
    using client = await connect({ kubeconfig });
    // CoreDNS comes last: it waits until its node is ready.
    const isDns = ({ metadata }: Pod): boolean => metadata.labels?.['k8s-app'] === 'kube-dns';
    const ready = (pods: readonly Pod[]): true | undefined => (pods.some(isDns) && pods.every(isReady)) || undefined;
    const done = await waitFor<Pod, true>(client, KIND.Pod, ready, { timeoutMs: PATIENCE_MS });
    if (done !== true) throw new Error('kind alone was not ready in time');
    return performance.now() - started;
  } finally {
    kind('delete', 'cluster');
  }
}

/** @returns milliseconds from the start of the command to a mesh that is ready */
function meshed(folder: string, cluster: string): number {
  const env = { ...process.env, AMBIENT_KIND_CLUSTER: cluster, AMBIENT_STATE: path.join(folder, 'state') };
  const ambient = (...args: string[]): void => {
    const { status, stdout } = spawnSync(process.execPath, ['dist/ambient.js', ...args, '-o', 'json'], { env });
    if (status !== 0) throw new Error(`ambient ${args.join(' ')}: ${String(stdout)}`);
  };
  const started = performance.now();
  try {
    ambient('up', '--engine', 'kind');
    return performance.now() - started;
  } finally {
    ambient('down');
  }
}

export async function bench(): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ambient-bench-'));
  const name = `ambient-bench-${process.pid}`;
  const alone: number[] = [];
  const together: number[] = [];
  try {
    // Builds the images.
    meshed(folder, name);
    for (let run = 0; run < RUNS; run++) {
      alone.push(await plain(folder, name));
      together.push(meshed(folder, name));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [value, peerValue] = [Math.round(median(together)), Math.round(median(alone))];
  const target = peerValue + MORE_MS;
  const measured = {
    value,
    unit: 'ms',
    peer: 'kind create cluster, every pod Ready',
    peerValue,
    ratio: value / peerValue,
  };
  return [{ name: 'up --engine kind, median of three', ...measured, target, ok: value <= target }];
}
