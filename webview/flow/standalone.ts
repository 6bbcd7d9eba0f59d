import type { HostMessage, PageMessage } from '../../runtime/graph/protocol';
import { start } from './app';

const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
const viewer = crypto.randomUUID();
const address = (path: string): string => `${path}?viewer=${viewer}&token=${encodeURIComponent(token)}`;

function send(message: PageMessage): void {
  if (message.kind === 'copy') return void navigator.clipboard.writeText(message.text);
  if (message.kind === 'open') return;
  void fetch(address('/messages'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
}

const dark = matchMedia('(prefers-color-scheme: dark)').matches;
document.body.classList.add(dark ? 'vscode-dark' : 'vscode-light', 'standalone');

start(
  {
    send,
    receive: (listener) => {
      const events = new EventSource(address('/events'));
      events.onmessage = (event: MessageEvent<string>) => listener(JSON.parse(event.data) as HostMessage);
      events.onopen = () => send({ kind: 'resync' });
      events.onerror = () =>
        listener({ kind: 'status', text: 'The mesh does not answer; trying again …', connected: 0 });
    },
  },
  dark,
);
