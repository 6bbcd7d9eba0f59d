import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { enableReplyRouting, disableReplyRouting } from '../reply-routing';
import { inNamespace, namespaceCookie, openNamespace } from '../sockets';
import { addressValue, endpointKey, value64 } from './keys';
import { BpfObject, deleteElement, openPinned, updateElement } from './libbpf';
import { PIN_ROOT, pinnedUids, podPins, preparePins, removePins, sharedPin, sharedPins } from './pins';

const OBJECTS = { outbound: 'outbound.bpf.o', dns: 'dns.bpf.o', inbound: 'inbound.bpf.o', ztunnel: 'ztunnel.bpf.o' };
/** Names of the compiled objects, all of which must be there. */
export const OBJECT_NAMES = Object.values(OBJECTS);

/** Programs on a pod's cgroup; the names say where they attach. */
const POD_PROGRAMS = {
  outbound: [
    'outbound_connect4',
    'outbound_connect6',
    'outbound_filed',
    'outbound_getpeername4',
    'outbound_getpeername6',
  ],
  dns: ['dns_connect4', 'dns_connect6', 'dns_sendmsg4', 'dns_sendmsg6', 'dns_recvmsg4', 'dns_recvmsg6'],
} as const;
const ZTUNNEL_PROGRAMS = ['ztunnel_listens', 'ztunnel_getsockopt'] as const;
const INBOUND_PROGRAM = 'inbound_lookup';

export interface EbpfPod {
  readonly uid: string;
  /** Path of the pod's network namespace. */
  readonly netns: string;
  /** Path of the pod's cgroup, not of a container's: a restarted container gets a new one. */
  readonly cgroup: string;
}

/** Runs an action with a directory or namespace open. */
function withOpen<T>(at: string, action: (fd: number) => T): T {
  const fd = openSync(at, 'r');
  try {
    return action(fd);
  } finally {
    closeSync(fd);
  }
}

/** Addresses inside a namespace, the loopback's left out. */
function addressesOf(netns: number): string[] {
  const interfaces = inNamespace(netns, () => os.networkInterfaces());
  return Object.values(interfaces).flatMap((list) =>
    (list ?? []).filter(({ internal }) => !internal).map(({ address }) => address.split('%')[0]!),
  );
}

/** Elements of `own_addresses` for a namespace: each address, and under 0 the first of each family. */
function ownAddresses(netns: number, cookie: bigint): { readonly key: Buffer; readonly value: Buffer }[] {
  const addresses = addressesOf(netns);
  const first = [
    ['0.0.0.0', addresses.find((address) => !address.includes(':'))],
    ['::', addresses.find((address) => address.includes(':') && !/^fe[89ab]/i.test(address))],
  ] as const;
  const pairs = [...addresses.map((address) => [address, address] as const), ...first];
  return pairs.flatMap(([under, address]) =>
    address === undefined ? [] : [{ key: endpointKey(cookie, under), value: addressValue(address) }],
  );
}

function keysOf(netns: string): Buffer[] {
  return withOpen(netns, (fd) => ownAddresses(fd, namespaceCookie(fd)).map(({ key }) => key));
}

/**
 * Capture by eBPF. Links are pinned at `<root>/<pod uid>/<program>`: they hold while no agent runs, and the next agent
 * finds them.
 */
export class EbpfCapture {
  /** Keys of `own_addresses` by pod: a namespace that is gone cannot be asked any more. */
  readonly #ownAddresses = new Map<string, readonly Buffer[]>();
  readonly #objects: { readonly outbound: BpfObject; readonly dns: BpfObject; readonly ztunnel: BpfObject };

  /**
   * Loads the programs that all pods share.
   *
   * @param folder where the compiled objects are
   * @throws SystemCallError when the kernel or the machine does not permit it
   */
  constructor(
    readonly folder: string,
    readonly root = PIN_ROOT,
  ) {
    preparePins(root);
    const load = (object: string, ...maps: Parameters<typeof sharedPins>[1][]): BpfObject =>
      new BpfObject(path.join(folder, object), { pins: sharedPins(root, ...maps) });
    const outbound = load(OBJECTS.outbound, 'asked', 'destinations', 'own_addresses');
    const dns = load(OBJECTS.dns, 'asked');
    this.#objects = { outbound, dns, ztunnel: load(OBJECTS.ztunnel, 'listeners', 'destinations') };
    // ztunnel announces its deliveries there, so it must be there before a pod is.
    this.#loadInbound(0n).close();
  }

  #loadInbound(cookie: bigint): BpfObject {
    return new BpfObject(path.join(this.folder, OBJECTS.inbound), {
      pins: sharedPins(this.root, 'listeners', 'deliveries'),
      constants: value64(cookie),
    });
  }

  /** Makes ztunnel's inbound listeners and its SO_ORIGINAL_DST work; to be done before it listens in a pod. Idempotent. */
  attachZtunnel(uid: string, cgroup: string): void {
    this.#attachAll(uid, cgroup, [[this.#objects.ztunnel, ZTUNNEL_PROGRAMS]]);
  }

  /** Captures new connections of a pod, both ways; established ones go on as they are. Idempotent; all or nothing. */
  async capture({ uid, netns, cgroup }: EbpfPod): Promise<void> {
    await enableReplyRouting(netns, { acceptMarks: true });
    const fd = openNamespace(netns);
    try {
      const cookie = namespaceCookie(fd);
      const own = ownAddresses(fd, cookie);
      this.#ownAddresses.set(
        uid,
        own.map(({ key }) => key),
      );
      withOpenMap(sharedPin(this.root, 'own_addresses'), (map) => {
        for (const { key, value } of own) updateElement(map, key, value);
      });
      this.#attachInbound(uid, fd, cookie);
      this.#attachAll(uid, cgroup, [
        [this.#objects.outbound, POD_PROGRAMS.outbound],
        [this.#objects.dns, POD_PROGRAMS.dns],
      ]);
    } catch (error) {
      removePins(podPins(this.root, uid));
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  #attachInbound(uid: string, netns: number, cookie: bigint): void {
    const pin = path.join(podPins(this.root, uid), INBOUND_PROGRAM);
    if (existsSync(pin)) return;
    mkdirSync(path.dirname(pin), { recursive: true });
    const object = this.#loadInbound(cookie);
    try {
      object.attach(INBOUND_PROGRAM, 'namespace', netns, pin);
    } finally {
      object.close();
    }
  }

  #attachAll(uid: string, cgroup: string, programs: readonly (readonly [BpfObject, readonly string[]])[]): void {
    const folder = podPins(this.root, uid);
    mkdirSync(folder, { recursive: true });
    withOpen(cgroup, (fd) => {
      for (const [object, names] of programs) {
        for (const name of names) {
          const pin = path.join(folder, name);
          if (!existsSync(pin)) object.attach(name, 'cgroup', fd, pin);
        }
      }
    });
  }

  /** True when every program of a pod's capture is attached. */
  isCaptured(uid: string): boolean {
    const names = [...POD_PROGRAMS.outbound, ...POD_PROGRAMS.dns, INBOUND_PROGRAM];
    return names.every((name) => existsSync(path.join(podPins(this.root, uid), name)));
  }

  /** Uids of pods and ztunnels that have pins, whoever made them. */
  captured(): string[] {
    return pinnedUids(this.root);
  }

  /** Ends capture of new connections. Connections that ztunnel carries go on; `dismantle` when they are gone. */
  release(uid: string, netns?: string): Promise<void> {
    removePins(podPins(this.root, uid));
    // A pod that an earlier agent captured is asked itself, as long as it is there.
    const keys = this.#ownAddresses.get(uid) ?? (netns !== undefined && existsSync(netns) ? keysOf(netns) : []);
    this.#ownAddresses.delete(uid);
    withOpenMap(sharedPin(this.root, 'own_addresses'), (map) => {
      for (const key of keys) deleteElement(map, key);
    });
    return Promise.resolve();
  }

  /** Detaches whatever is pinned for a uid. */
  releasePins(uid: string): void {
    removePins(podPins(this.root, uid));
  }

  /** Takes back what the carried connections of a released pod needed. */
  async dismantle(netns: string): Promise<void> {
    if (existsSync(netns)) await disableReplyRouting(netns, { acceptMarks: true });
  }

  /** Unloads the programs from this process; pinned ones stay. */
  close(): void {
    for (const object of Object.values(this.#objects)) object.close();
  }
}

function withOpenMap(pin: string, action: (map: number) => void): void {
  const map = openPinned(pin);
  try {
    action(map);
  } finally {
    closeSync(map);
  }
}
