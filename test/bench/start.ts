// How long `ambient up` takes from nothing to ready, and what the mesh with one waypoint weighs. Needs dist/.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { figure, type Figure } from './figure';

const RUNS = 5;
const SYSTEM = ['supervisor', 'istiod', 'agent', 'ztunnel'];
/** Design: 3 s on two cores, 350 MiB for the five processes. */
const READY_MS = 3000;
const MEMORY_MIB = 350;

/** @returns median milliseconds from the command's start to ready, the worst of five, and MiB of PSS together */
export function bench(): Figure[] {
  const state = mkdtempSync(path.join('/var', 'ambient-bench-'));
  const ambient = (...args: string[]): string =>
    execFileSync(process.execPath, ['dist/ambient.js', ...args, '--state', state, '-o', 'json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const times: number[] = [];
  try {
    for (let run = 0; run < RUNS; run++) {
      ambient('down', '--purge');
      times.push((JSON.parse(ambient('up')) as { readyMs: number }).readyMs);
    }
    ambient('waypoint', 'apply', '-n', 'default');
    const { components } = JSON.parse(ambient('status')) as { components: { name: string; memoryMiB: number }[] };
    const counted = components.filter(({ name }) => SYSTEM.includes(name) || name.endsWith('/waypoint'));
    const memory = counted.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
    const sorted = times.sort((a, b) => a - b);
    return [
      figure('up, median of five', sorted[Math.floor(RUNS / 2)]!, 'ms', READY_MS),
      figure('up, slowest of five', sorted.at(-1)!, 'ms', READY_MS),
      figure('PSS of the mesh with one waypoint', Math.round(memory * 10) / 10, 'MiB', MEMORY_MIB),
    ];
  } finally {
    ambient('down', '--purge');
    rmSync(state, { recursive: true, force: true });
  }
}
