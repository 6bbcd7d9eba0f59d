import type { Settings } from 'node:http2';

const KiB = 1024;
const MiB = 1024 * KiB;

/** HTTP/2 limits of ztunnel (protocol reference 3.3). Bytes, except the stream counts. */
export const window = { stream: 4 * MiB, connection: 16 * MiB } as const;

export const serverSettings: Settings = {
  initialWindowSize: window.stream,
  maxFrameSize: MiB,
  maxConcurrentStreams: 200,
  maxHeaderListSize: 64 * KiB,
  enablePush: false,
};

export const clientSettings: Settings = {
  initialWindowSize: window.stream,
  maxFrameSize: MiB,
  maxHeaderListSize: 16 * KiB,
  enablePush: false,
};

/** Megabytes that node may hold for one session; its default of 10 is less than two of our streams' windows. */
export const maxSessionMemory = 256;

/** Milliseconds. */
export const keepAlive = { interval: 10_000, timeout: 20_000 } as const;
