import type { Duplex } from 'node:stream';
import { abort, splice } from '../hbone/splice';
import type { ConnectionFacts } from '../policy/model';
import type { ConnectionReport } from './connection-report';

/** A connection of a pod while it lives. */
export interface LiveConnection {
  readonly direction: 'inbound' | 'outbound';
  /** `address:port` each. */
  readonly src: string;
  readonly originalDst: string;
  readonly actualDst: string;
  readonly protocol: 'HBONE' | 'TCP';
  /** What it was admitted upon; inbound only. */
  readonly facts?: ConnectionFacts;
}

interface Entry extends LiveConnection {
  close(reason: string): void;
}

/** The connections of one pod, for /config_dump, for policy changes and for the drain. */
export class Connections {
  readonly #live = new Set<Entry>();
  /** Connections from their acceptance to their end; not yet live while they are being opened. */
  #serving = 0;
  readonly #drains = new Set<() => void>();

  get size(): number {
    return this.#live.size;
  }

  /** Counts a connection from its acceptance on, so that a drain lets it be opened; `serves` ends with it. */
  async serve(serves: Promise<void>): Promise<void> {
    this.#serving += 1;
    try {
      await serves;
    } finally {
      this.#serving -= 1;
      this.#ended();
    }
  }

  /**
   * Copies between client and server until both have ended, and reports the end.
   *
   * @param connection how /config_dump shows it
   */
  async relay(client: Duplex, server: Duplex, connection: LiveConnection, report: ConnectionReport): Promise<void> {
    let reason: string | undefined;
    const entry: Entry = {
      ...connection,
      close(why) {
        reason ??= why;
        abort(client);
        abort(server);
      },
    };
    this.#live.add(entry);
    const { error } = await splice(client, server, (direction, bytes) => {
      if (direction === 'a-to-b') report.received(bytes);
      else report.sent(bytes);
    });
    this.#live.delete(entry);
    this.#ended();
    const words = reason ?? (error && `io error: ${error.message}`);
    report.close(words === undefined ? {} : { error: words });
  }

  /** Closes inbound connections that `denied` no longer admits. */
  review(denied: (facts: ConnectionFacts) => boolean): void {
    for (const entry of this.#live) {
      if (entry.facts !== undefined && denied(entry.facts)) entry.close('connection closed due to policy change');
    }
  }

  /** Resolves when no connection is left; after `deadlineMs` it closes them, and waits for none that is being opened. */
  async drain(deadlineMs: number): Promise<void> {
    if (this.#serving === 0) return;
    await new Promise<void>((resolve) => {
      let late = false;
      const look = (): void => {
        if (this.#serving > 0 && !(late && this.#live.size === 0)) return;
        this.#drains.delete(look);
        clearTimeout(deadline);
        resolve();
      };
      const deadline = setTimeout(() => {
        late = true;
        for (const entry of this.#live) entry.close('connection closed due to connection drain');
        look();
      }, deadlineMs);
      this.#drains.add(look);
    });
  }

  #ended(): void {
    for (const look of this.#drains) look();
  }

  /** `connections` of /config_dump (protocol reference 10.3). */
  dump(): Record<'inbound' | 'outbound', unknown[]> {
    const dumped = { inbound: [] as unknown[], outbound: [] as unknown[] };
    for (const { direction, src, originalDst, actualDst, protocol } of this.#live) {
      dumped[direction].push({ src, originalDst, actualDst, protocol });
    }
    return dumped;
  }
}
