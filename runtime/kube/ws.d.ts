/** The part of the library `ws` that is used here; its types come in a package that nothing else needs. */
declare module 'ws' {
  import type { ClientRequest, IncomingMessage } from 'node:http';
  import type { RequestOptions } from 'node:https';
  import type { Duplex } from 'node:stream';

  interface Events {
    open: () => void;
    /** Buffers are what arrives with the default `binaryType`. */
    message: (data: Buffer, isBinary: boolean) => void;
    close: (code: number, reason: Buffer) => void;
    error: (error: Error) => void;
    'unexpected-response': (request: ClientRequest, response: IncomingMessage) => void;
  }

  export class WebSocket {
    constructor(address: URL, protocols: readonly string[], options: RequestOptions & { handshakeTimeout?: number });
    on<E extends keyof Events>(event: E, listener: Events[E]): this;
    once<E extends keyof Events>(event: E, listener: Events[E]): this;
    send(data: Buffer, done?: (error?: Error) => void): void;
    pause(): void;
    resume(): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
  }

  export class WebSocketServer {
    constructor(options: { noServer: true });
    on(event: 'headers', listener: (lines: string[]) => void): this;
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, taken: (ws: WebSocket) => void): void;
  }

  export function createWebSocketStream(ws: WebSocket): Duplex;
}
