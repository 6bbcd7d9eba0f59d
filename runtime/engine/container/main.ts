// The first process of the container that carries an embedded mesh: starts it, tells its progress on standard output as
// NDJSON (see follow-start.ts), and ends with it. Its network namespace is the container's own: the API listens on all
// of it, and the container's port is published on the machine's loopback alone.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { findCgroup2 } from '../../cluster/node/cgroup';
import { reasonOf, MeshError } from '../../errors';
import { embedded } from '../embedded';
import type { RedirectMode } from '../engine';
import type { StartMessage } from './follow-start';

const { values } = parseArgs({
  options: {
    state: { type: 'string' },
    port: { type: 'string' },
    redirect: { type: 'string', default: 'auto' },
    timeout: { type: 'string' },
    'no-system': { type: 'boolean', default: false },
    // Ends when whoever started the container closes its standard input.
    attached: { type: 'boolean', default: false },
  },
});
const state = values.state!;
const say = (message: StartMessage): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
const interrupt = new AbortController();
let end = (): void => interrupt.abort();
process.on('SIGTERM', () => end());
process.on('SIGINT', () => end());
if (values.attached) process.stdin.resume().once('close', () => end());

/** On a machine with cgroup v1 a container has no v2 hierarchy, which capture by eBPF needs; without it nftables does. */
function mountCgroup2(): void {
  const script = 'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified';
  if (findCgroup2() === undefined) spawnSync('sh', ['-c', script], { stdio: ['ignore', 'inherit', 'inherit'] });
}

async function run(): Promise<void> {
  mountCgroup2();
  try {
    const { ended } = await embedded.up({
      state,
      port: Number(values.port),
      listen: '0.0.0.0',
      redirect: values.redirect as RedirectMode,
      system: !values['no-system'],
      timeoutMs: values.timeout === undefined ? undefined : Number(values.timeout),
      foreground: true,
      signal: interrupt.signal,
      onProgress: say,
    });
    end = () => void embedded.down({ state });
    if (interrupt.signal.aborted) end();
    say({ ready: true });
    process.exitCode = await ended;
  } catch (error) {
    if (MeshError.is(error)) say({ error: { code: error.code, detail: error.detail } });
    else say({ error: { reason: reasonOf(error) } });
    process.exitCode = 1;
  }
  process.stdin.destroy();
}

void run();
