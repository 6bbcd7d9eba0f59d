import net from 'node:net';

/** What the supervisor tells whoever started it: one line of JSON each. */
export type Progress =
  | { readonly stage: string; readonly message?: string }
  | { readonly ready: true; readonly readyMs: number }
  | { readonly error: { readonly code: string; readonly message: string; readonly stage: string } };

/** The launcher's end of a pipe, inherited as descriptor 4. */
export class ProgressPipe {
  readonly #socket: net.Socket;

  /** @param onClosed called when the launcher has gone */
  constructor(fd: number, onClosed: () => void) {
    this.#socket = new net.Socket({ fd, readable: true, writable: true });
    this.#socket.on('error', () => {});
    this.#socket.once('close', onClosed);
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.resume();
    this.#socket.unref();
  }

  send(progress: Progress): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(progress)}\n`);
  }

  /** Resolves when everything sent is with the launcher, or the launcher is gone. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) return resolve();
      this.#socket.end(resolve);
      this.#socket.once('close', () => resolve());
      return undefined;
    });
  }
}
