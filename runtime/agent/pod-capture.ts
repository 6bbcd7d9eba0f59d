import { existsSync } from 'node:fs';
import { findPodCgroup } from '../redirect/cgroups';
import type { Redirect } from '../redirect/choose';
import { PIN_ROOT, pinnedUids, podPins, removePins } from '../redirect/ebpf/pins';
import {
  captureByNftables,
  dismantleNftables,
  isCapturedByNftables,
  releaseNftables,
} from '../redirect/nftables/capture';
import { PORT } from '../api/ports';
import { tcpTable } from './tcp-table';

/** Capture of a pod by whichever mechanism was chosen. */
export interface PodCapture {
  readonly mode: Redirect['mode'];
  readonly reason: string;
  /** Uids that an earlier agent left captured, as far as the mechanism remembers. */
  leftovers(): string[];
  isCaptured(uid: string, netns: string): Promise<boolean>;
  /** Idempotent. @throws when it cannot be done; nothing is left half captured */
  capture(uid: string, netns: string): Promise<void>;
  /** New connections are no longer captured; those that ztunnel carries go on until `dismantle`. */
  release(uid: string, netns: string | undefined): Promise<void>;
  dismantle(netns: string): Promise<void>;
  /** Makes a ztunnel's sockets work with the capture, before it listens in any pod. Idempotent. */
  prepareZtunnel(uid: string): void;
  close(): void;
}

export function podCapture(redirect: Redirect): PodCapture {
  const { mode, reason } = redirect;
  if (mode === 'nftables') {
    return {
      mode,
      reason,
      // Pins are those of an agent that captured by eBPF; this one takes their place, pod by pod.
      leftovers: () => pinnedUids(PIN_ROOT),
      isCaptured: (_, netns) => isCapturedByNftables(netns),
      capture: async (uid, netns) => {
        await captureByNftables(netns);
        removePins(podPins(PIN_ROOT, uid));
      },
      release: async (uid, netns) => {
        removePins(podPins(PIN_ROOT, uid));
        if (netns !== undefined) await releaseNftables(netns);
      },
      dismantle: dismantleNftables,
      prepareZtunnel: (uid) => removePins(podPins(PIN_ROOT, uid)),
      close: () => {},
    };
  }
  const { capture } = redirect;
  /** Namespaces that still have the rules of the other mechanism. */
  const others = new Set<string>();
  const cgroupOf = (uid: string): string => {
    const cgroup = findPodCgroup(uid);
    if (cgroup === undefined) throw new Error(`there is no cgroup of pod ${uid}`);
    return cgroup;
  };
  return {
    mode,
    reason,
    leftovers: () => capture.captured(),
    isCaptured: async (uid, netns) => {
      if (capture.isCaptured(uid)) return true;
      if (await isCapturedByNftables(netns)) others.add(netns);
      return false;
    },
    capture: async (uid, netns) => {
      await capture.capture({ uid, netns, cgroup: cgroupOf(uid) });
      // What an agent left that captured by nftables; connections that its rules translate go on.
      if (others.has(netns)) await releaseNftables(netns);
    },
    release: async (uid, netns) => {
      await capture.release(uid, netns);
      if (netns !== undefined && others.has(netns)) await releaseNftables(netns);
    },
    dismantle: async (netns) => {
      if (others.delete(netns)) await dismantleNftables(netns);
      await capture.dismantle(netns);
    },
    prepareZtunnel: (uid) => capture.attachZtunnel(uid, cgroupOf(uid)),
    close: () => capture.close(),
  };
}

const CARRIER_PORTS: ReadonlySet<number> = new Set([PORT.outbound, PORT.inboundPlaintext, PORT.hbone, PORT.dns]);

/** Whether ztunnel still carries connections of a pod that was released. */
export function carriesConnections(netns: string): boolean {
  if (!existsSync(netns)) return false;
  const rows = tcpTable(netns).filter(({ state }) => state === 'established');
  if (rows.some(({ local }) => CARRIER_PORTS.has(local.port))) return true;
  // A delivery has both of its ends in the pod's namespace, one of them with a client's address.
  const ends = new Set(
    rows.map(({ local, remote }) => `${local.address} ${local.port} ${remote.address} ${remote.port}`),
  );
  return rows.some(
    ({ local, remote }) =>
      local.address !== remote.address && ends.has(`${remote.address} ${remote.port} ${local.address} ${local.port}`),
  );
}
