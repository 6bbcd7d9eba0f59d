import { connect, type ClientHttp2Session } from 'node:http2';
import { DialError, type Dial } from './endpoint-agent';
import type { Endpoint } from './model';

/** Milliseconds that a session without requests is kept. */
const IDLE_MS = 60_000;

/** HTTP/2 sessions to endpoints, one for each, over whatever `dial` yields. */
export class Http2Endpoints {
  readonly #sessions = new Map<string, Promise<ClientHttp2Session>>();

  constructor(private readonly dial: Dial) {}

  /** @throws DialError when there is no connection to be had */
  session(endpoint: Endpoint): Promise<ClientHttp2Session> {
    const key = `${endpoint.address} ${endpoint.port} ${endpoint.hbone?.join(',') ?? 'plain'}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = this.#open(endpoint, () => this.#sessions.delete(key));
      this.#sessions.set(key, session);
    }
    return session;
  }

  close(): void {
    for (const session of this.#sessions.values()) {
      session.then(
        (open) => open.close(),
        () => {},
      );
    }
  }

  async #open(endpoint: Endpoint, gone: () => void): Promise<ClientHttp2Session> {
    try {
      const stream = await this.dial(endpoint);
      const session = connect(`http://${endpoint.address}:${endpoint.port}`, {
        createConnection: () => stream,
        settings: { enablePush: false },
      });
      session.on('error', gone);
      session.once('goaway', gone);
      session.once('close', gone);
      session.setTimeout(IDLE_MS, () => session.close());
      return session;
    } catch (error) {
      gone();
      throw new DialError(error);
    }
  }
}
