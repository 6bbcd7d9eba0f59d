import { existsSync } from 'node:fs';
import { findPodCgroup } from '../redirect/cgroups';
import type { Redirect } from '../redirect/choose';
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
      leftovers: () => [],
      isCaptured: (_, netns) => isCapturedByNftables(netns),
      capture: (_, netns) => captureByNftables(netns),
      release: (_, netns) => (netns === undefined ? Promise.resolve() : releaseNftables(netns)),
      dismantle: dismantleNftables,
      prepareZtunnel: () => {},
      close: () => {},
    };
  }
  const { capture } = redirect;
  const cgroupOf = (uid: string): string => {
    const cgroup = findPodCgroup(uid);
    if (cgroup === undefined) throw new Error(`there is no cgroup of pod ${uid}`);
    return cgroup;
  };
  return {
    mode,
    reason,
    leftovers: () => capture.captured(),
    isCaptured: (uid) => Promise.resolve(capture.isCaptured(uid)),
    capture: async (uid, netns) => capture.capture({ uid, netns, cgroup: cgroupOf(uid) }),
    release: (uid, netns) => capture.release(uid, netns),
    dismantle: (netns) => capture.dismantle(netns),
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
