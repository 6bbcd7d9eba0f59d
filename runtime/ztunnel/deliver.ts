import { Socket } from 'node:net';
import type { Delivery } from '../redirect/delivery';
import type { AddressPort } from '../redirect/socket-address';

/** Milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to the pod's application, as the client where that can be had.
 *
 * @returns the socket, once the application's kernel has accepted
 * @throws Error with the system's code: ECONNREFUSED, ETIMEDOUT, ...
 */
export function deliver(delivery: Delivery, destination: AddressPort, client: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fd = delivery.connect(destination, { client });
    const socket = new Socket({ fd, allowHalfOpen: true });
    socket.setNoDelay(true);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      delivery.release(fd);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => failed(new Error('connection timed out')), CONNECT_TIMEOUT_MS);
    // Stays for the socket's life: whoever relays the connection listens too, but only from its first byte.
    socket.on('error', failed);
    socket.connect(destination.port, destination.address, () => {
      clearTimeout(timer);
      delivery.release(fd);
      resolve(socket);
    });
  });
}
