import { closeSync, existsSync } from 'node:fs';
import path from 'node:path';
import { DELIVERY_MARK, PACKET_MARK } from '../api/ports';
import { endpointKey, value64 } from './ebpf/keys';
import { deleteElement, openPinned, updateElement } from './ebpf/libbpf';
import { PIN_ROOT, podPins, sharedPin } from './ebpf/pins';
import { acceptsMarks } from './reply-routing';
import type { AddressPort } from './socket-address';
import { createStreamSocket, localAddress, namespaceCookie } from './sockets';

/**
 * How long an announced delivery passes the pod's lookup program: longer than a SYN is repeated on a full backlog, short
 * enough that a forgotten one is no way around ztunnel.
 */
const ANNOUNCED_NS = 10_000_000_000n;

/** ztunnel's way to a pod's application, past that pod's own capture. */
export interface Delivery {
  /**
   * Prepares a connection that seems to come from the client; from the pod's own address where that cannot be had
   * (the families differ, or /proc/sys could not be written).
   *
   * @returns an unconnected descriptor for `new net.Socket({ fd }).connect(destination)`
   * @throws SystemCallError EPERM without CAP_NET_ADMIN, EADDRINUSE when the client's ports are used up
   */
  connect(destination: AddressPort, from: { client: string }): number;
  /** To be called with the descriptor once it is connected, or has failed. */
  release(fd: number): void;
  /** Whether the pod's inbound capture is in place now; always false under nftables, which leaves no trace to look at. */
  captured(): boolean;
  /** Closes what the delivery itself holds; connections stay. */
  close(): void;
}

const family = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
const sourceOf = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/**
 * Opens the way to a pod's application. Under eBPF it announces each source before it connects, under nftables the mark
 * of ztunnel's sockets does the same; which of them, shows the pod's pinned lookup program.
 *
 * @param netns descriptor of the pod's network namespace; stays the caller's and must outlive the delivery
 */
export function openDelivery(netns: number, podUid: string, root = PIN_ROOT): Delivery {
  const lookup = path.join(podPins(root, podUid), 'inbound_lookup');
  const announced = new Map<number, Buffer>();
  // The pod is captured only after ztunnel has acknowledged it, so the mechanism shows at the first delivery.
  let ebpf: { readonly map: number; readonly cookie: bigint; readonly keepsSource: boolean } | undefined;

  const byEbpf = (): typeof ebpf => {
    if (ebpf === undefined && existsSync(lookup)) {
      const map = openPinned(sharedPin(root, 'deliveries'));
      ebpf = { map, cookie: namespaceCookie(netns), keepsSource: acceptsMarks(netns) };
    }
    return ebpf;
  };

  return {
    connect(destination, from) {
      const client = sourceOf(from.client);
      const to = family(sourceOf(destination.address));
      const keeps = family(client) === to;
      const mechanism = byEbpf();
      if (mechanism === undefined) {
        return createStreamSocket(netns, {
          family: to,
          mark: PACKET_MARK,
          ...(keeps && { source: { address: client, transparent: true } }),
        });
      }
      // What a pod sends to its own address is not captured and needs no announcement.
      if (!keeps || !mechanism.keepsSource) {
        return createStreamSocket(netns, {
          family: to,
          source: { address: sourceOf(destination.address), transparent: false },
        });
      }
      const fd = createStreamSocket(netns, {
        family: to,
        mark: DELIVERY_MARK,
        source: { address: client, port: 0, transparent: true },
      });
      const key = endpointKey(mechanism.cookie, client, localAddress(fd)?.port ?? 0);
      updateElement(mechanism.map, key, value64(process.hrtime.bigint() + ANNOUNCED_NS));
      announced.set(fd, key);
      return fd;
    },
    release(fd) {
      const key = announced.get(fd);
      if (key === undefined || ebpf === undefined) return;
      announced.delete(fd);
      deleteElement(ebpf.map, key);
    },
    captured: () => existsSync(lookup),
    close() {
      if (ebpf !== undefined) closeSync(ebpf.map);
      ebpf = undefined;
    },
  };
}
