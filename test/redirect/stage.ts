import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Bundles one program the way build.mjs does. @returns the bundle's path */
export async function bundle(entry: string, outfile: string): Promise<string> {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['koffi', 'lmdb'],
    outfile,
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
  });
  return outfile;
}

/** A temporary folder with the actor's bundle and the compiled eBPF objects. */
export interface Stage {
  readonly folder: string;
  readonly actor: string;
  readonly objects: string;
  remove(): void;
}

export async function makeStage(): Promise<Stage> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'capture-'));
  const objects = path.join(folder, 'bpf');
  mkdirSync(objects);
  const include = `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  for (const source of readdirSync(path.join(ROOT, 'bpf')).filter((name) => name.endsWith('.bpf.c'))) {
    const object = path.join(objects, source.replace(/\.c$/, '.o'));
    const flags = ['-O2', '-g', '-Wall', '-Werror', '-target', 'bpf', '-I', include];
    execFileSync('clang', [...flags, '-c', path.join(ROOT, 'bpf', source), '-o', object]);
  }
  const actor = await bundle(path.join(import.meta.dirname, 'actor.ts'), path.join(folder, 'actor.js'));
  // The bundle asks for koffi beside itself, as the shipped ones do.
  execFileSync('ln', ['-s', path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules')]);
  return { folder, actor, objects, remove: () => rmSync(folder, { recursive: true }) };
}

/** What ztunnel.yaml grants, and nothing else. */
export const ZTUNNEL_CAPABILITIES = '-all,+net_admin,+sys_admin,+net_raw,+bpf';

/** An actor's process; `ask` sends one command and waits for its answer. */
export interface Actor {
  readonly process: ChildProcess;
  ask(command: Record<string, unknown>): Promise<Record<string, unknown>>;
  end(): Promise<void>;
}

export function startActor(
  stage: Stage,
  where: { netns?: string; cgroup?: string; capabilities?: string } = {},
): Actor {
  const enter = where.cgroup === undefined ? '' : 'echo $$ > "$CGROUP/cgroup.procs" && ';
  const network = where.netns === undefined ? '' : 'nsenter --net="$NETNS" ';
  const limits =
    where.capabilities === undefined
      ? ''
      : 'setpriv --no-new-privs --bounding-set "$CAPABILITIES" --inh-caps=-all --ambient-caps=-all ';
  const child = spawn('sh', ['-c', `${enter}exec ${network}${limits}"$NODE" "$ACTOR"`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      NODE: process.execPath,
      ACTOR: stage.actor,
      CGROUP: where.cgroup,
      NETNS: where.netns,
      CAPABILITIES: where.capabilities,
    },
  });
  const waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    // The rest is the log of what it runs.
    if (!line.startsWith('{')) return;
    const { id, ...answer } = JSON.parse(line) as Record<string, unknown>;
    waiting.get(id as number)?.(answer);
    waiting.delete(id as number);
  });
  const exited = once(child, 'exit');
  let last = 0;
  return {
    process: child,
    ask(command) {
      const id = ++last;
      return new Promise((resolve, reject) => {
        waiting.set(id, resolve);
        void exited.then(() => reject(new Error(`the actor ended before it answered ${JSON.stringify(command)}`)));
        child.stdin!.write(`${JSON.stringify({ id, ...command })}\n`);
      });
    },
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Where cgroup v2 is: beside v1 on some machines, alone on most. */
export function cgroup2Root(): string | undefined {
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((at) => existsSync(path.join(at, 'cgroup.controllers')));
}

/** A cgroup of the test's own, with one below it for each uid, named as the kubelet names pods'. */
export function makeCgroups(id: string, uids: readonly string[]): { of(uid: string): string; remove(): void } {
  const root = path.join(cgroup2Root()!, `ambient-${id}`);
  const of = (uid: string): string => path.join(root, `pod${uid}`);
  for (const uid of uids) mkdirSync(of(uid), { recursive: true });
  return {
    of,
    remove() {
      for (const uid of uids) removeCgroup(of(uid));
      removeCgroup(root);
    },
  };
}

function removeCgroup(at: string): void {
  for (const pid of readFileSync(path.join(at, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  // The kernel reaps them a moment later and refuses with EBUSY until then.
  for (let attempt = 0; ; attempt++) {
    try {
      return rmdirSync(at);
    } catch (error) {
      if (attempt > 200) throw error;
      execFileSync('sleep', ['0.01']);
    }
  }
}

/** A BPF file system of the test's own. */
export function mountBpf(folder: string): { root: string; remove(): void } {
  const mount = path.join(folder, 'bpffs');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'bpf', 'bpf', mount]);
  return { root: path.join(mount, 'ambient'), remove: () => execFileSync('umount', [mount]) };
}
