import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshError, reasonOf } from '../errors';
import { findCgroupRoot } from './cgroups';
import { EbpfCapture, OBJECT_NAMES } from './ebpf/capture';
import { libbpf } from './ebpf/libbpf';
import { PIN_ROOT } from './ebpf/pins';
import { SystemCallError } from './libc';

export type RedirectSetting = 'auto' | 'ebpf' | 'nftables';

export type Redirect =
  | { readonly mode: 'ebpf'; readonly reason: string; readonly capture: EbpfCapture }
  | { readonly mode: 'nftables'; readonly reason: string };

export interface ProbeOptions {
  /** Folder of the compiled eBPF objects: beside the bundle. */
  readonly objects?: string;
  readonly pinRoot?: string;
  readonly cgroupRoot?: string;
}

const CAP_NET_ADMIN = 12;
const CAP_SYS_ADMIN = 21;
const CAP_BPF = 39;

const OBJECTS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'bpf');

function capabilities(): bigint {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return BigInt(`0x${line?.[1] ?? '0'}`);
}

/** Root of a user namespace has every capability and no use of it here: the kernel wants the machine's own. */
function inUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

/** This process's own cgroup where it can be seen below the root, else the root. */
function ownCgroup(root: string): string {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
  const at = path.join(root, own);
  return existsSync(at) ? at : root;
}

/**
 * Attaches ztunnel's programs for a moment: what loads need not attach. They act on listeners at port 15006 and on
 * captured connections alone, so this process does not notice.
 */
function tryAttach(capture: EbpfCapture, cgroupRoot: string): void {
  const name = `probe-${process.pid}`;
  try {
    capture.attachZtunnel(name, ownCgroup(cgroupRoot));
  } finally {
    capture.releasePins(name);
  }
}

type Probe =
  { capture: EbpfCapture } | { problem: string; code: 'AMB_ERR_NO_BPF_OBJECTS' | 'AMB_ERR_EBPF_UNAVAILABLE' };

function probeEbpf({ objects = OBJECTS, pinRoot = PIN_ROOT, cgroupRoot = findCgroupRoot() }: ProbeOptions): Probe {
  const unavailable = (problem: string): Probe => ({ problem, code: 'AMB_ERR_EBPF_UNAVAILABLE' });
  if (inUserNamespace()) return unavailable('it needs root outside of a user namespace');
  const held = capabilities();
  const has = (capability: number): boolean => ((held >> BigInt(capability)) & 1n) === 1n;
  if (!has(CAP_NET_ADMIN) || !(has(CAP_BPF) || has(CAP_SYS_ADMIN))) {
    return unavailable('it needs root (CAP_BPF and CAP_NET_ADMIN)');
  }
  const missing = OBJECT_NAMES.filter((name) => !existsSync(path.join(objects, name)));
  if (missing.length > 0) {
    return { problem: `the eBPF objects are not in ${objects}`, code: 'AMB_ERR_NO_BPF_OBJECTS' };
  }
  if (cgroupRoot === undefined) return unavailable('no cgroup v2 hierarchy is mounted');
  try {
    libbpf();
  } catch (error) {
    return unavailable(`libbpf.so.1 does not load (${reasonOf(error)})`);
  }
  let capture: EbpfCapture | undefined;
  try {
    capture = new EbpfCapture(objects, pinRoot);
    tryAttach(capture, cgroupRoot);
    return { capture };
  } catch (error) {
    capture?.close();
    if (error instanceof SystemCallError) return unavailable(`the kernel refuses it (${error.message})`);
    return unavailable(reasonOf(error));
  }
}

/**
 * Chooses how traffic is captured, by trying: `auto` takes eBPF where everything that it needs works, else nftables,
 * and says why.
 *
 * @throws MeshError AMB_ERR_NO_BPF_OBJECTS or AMB_ERR_EBPF_UNAVAILABLE when eBPF was asked for and cannot be had
 */
export function chooseRedirect(setting: RedirectSetting, options: ProbeOptions = {}): Redirect {
  if (setting === 'nftables') return { mode: 'nftables', reason: 'asked for' };
  const probe = probeEbpf(options);
  if ('capture' in probe) {
    const reason = setting === 'ebpf' ? 'asked for' : 'root, cgroup v2, libbpf and the eBPF objects are there';
    return { mode: 'ebpf', reason, capture: probe.capture };
  }
  if (setting === 'ebpf') {
    throw new MeshError(probe.code, { reason: probe.problem, path: options.objects ?? OBJECTS });
  }
  return { mode: 'nftables', reason: `eBPF cannot be used: ${probe.problem}` };
}
