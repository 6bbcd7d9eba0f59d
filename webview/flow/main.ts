import type { HostMessage } from '../../runtime/graph/protocol';
import { start } from './app';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

// High contrast light carries the class of high contrast too, so the light ones are asked first.
const classes = document.body.classList;
const light = classes.contains('vscode-light') || classes.contains('vscode-high-contrast-light');
const host = acquireVsCodeApi();

start(
  {
    send: (message) => host.postMessage(message),
    receive: (listener) => window.addEventListener('message', (event) => listener(event.data as HostMessage)),
  },
  !light,
);
