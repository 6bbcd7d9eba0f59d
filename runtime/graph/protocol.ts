import type { Delta, Snapshot } from './session';

export type { Delta, Snapshot };

/** Host → page: a whole picture, numbers for it, or what the page should tell the user. */
export type HostMessage =
  Snapshot | Delta | { readonly kind: 'status'; readonly text: string; readonly connected: number };

/** Page → host. `ready` and `resync` ask for a snapshot; `open` asks to show a policy, `focus` names what is looked at. */
export type PageMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'resync' }
  | { readonly kind: 'collapse'; readonly value: boolean }
  | { readonly kind: 'focus'; readonly namespaces: readonly string[] }
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'open'; readonly policy: string };

/** How the page reaches its host: `postMessage` inside VS Code, an event stream in a browser. */
export interface Transport {
  send(message: PageMessage): void;
  receive(listener: (message: HostMessage) => void): void;
}

const kinds: ReadonlySet<string> = new Set(['ready', 'resync', 'collapse', 'focus', 'copy', 'open']);

/** Reads an untrusted message of a page; undefined when it is none. */
export function parsePageMessage(value: unknown): PageMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const message = value as Record<string, unknown>;
  if (typeof message['kind'] !== 'string' || !kinds.has(message['kind'])) return undefined;
  if (message['kind'] === 'collapse' && typeof message['value'] !== 'boolean') return undefined;
  if (message['kind'] === 'focus' && !isTexts(message['namespaces'])) return undefined;
  if (message['kind'] === 'copy' && typeof message['text'] !== 'string') return undefined;
  if (message['kind'] === 'open' && typeof message['policy'] !== 'string') return undefined;
  return message as unknown as PageMessage;
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((entry) => typeof entry === 'string');
