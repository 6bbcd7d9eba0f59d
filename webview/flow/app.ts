import '@vscode-elements/elements/dist/vscode-button';
import '@vscode-elements/elements/dist/vscode-checkbox';
import '@vscode-elements/elements/dist/vscode-textfield';
import type { HostMessage, Snapshot, Transport } from '../../runtime/graph/protocol';
import { Diagram } from './diagram';
import { panZoom } from './pan-zoom';
import style from './style.css';
import { FlowTable } from './table';

function part<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no #${id}.`);
  return element as T;
}

const page = `
  <header>
    <vscode-button id="pause" secondary aria-pressed="false">Pause</vscode-button>
    <vscode-button id="fit" secondary>Fit</vscode-button>
    <vscode-checkbox id="collapse" label="Collapse waypoints"></vscode-checkbox>
    <vscode-button id="copy" secondary>Copy as Mermaid</vscode-button>
    <vscode-textfield id="filter" placeholder="Filter flows" aria-label="Filter flows"></vscode-textfield>
    <span id="legend">━ mTLS &nbsp; ┄ plain &nbsp; ✕ denied or failed &nbsp; ⬡ waypoint</span>
  </header>
  <main id="frame" role="img" aria-label="Live diagram of the mesh's traffic; the table below says the same"><div id="stage"></div></main>
  <p id="status" role="status" aria-live="polite">Connecting …</p>
  <section><table id="flows" aria-label="Flows"></table></section>`;

/** Puts the page together and keeps it current from the host's messages. */
export function start(transport: Transport, dark: boolean): void {
  const sheet = document.createElement('style');
  sheet.textContent = style;
  document.head.append(sheet);
  document.body.insertAdjacentHTML('afterbegin', page);

  const diagram = new Diagram(part('stage'), dark);
  const table = new FlowTable(part<HTMLTableElement>('flows'), (policy) => transport.send({ kind: 'open', policy }));
  const view = panZoom(part('frame'), part('stage'));
  const status = part('status');
  let current: Snapshot | undefined;
  let seq = 0;
  let paused = false;

  const say = (text: string): void => {
    if (status.textContent !== text) status.textContent = text;
  };

  const show = async (snapshot: Snapshot): Promise<void> => {
    const first = current === undefined || current.scene.edges.length === 0;
    current = snapshot;
    table.show(snapshot.scene, snapshot.metrics);
    await diagram.show(snapshot);
    if (first || part<HTMLInputElement>('fit').dataset['auto'] !== 'off') view.fit();
    const denied = snapshot.scene.edges.filter((edge) => edge.verdict === 'deny').length;
    if (snapshot.scene.edges.length > 0) say(`${snapshot.scene.edges.length} flows, ${denied} denied.`);
    document.body.dataset['ready'] = String(snapshot.scene.edges.length > 0);
  };

  transport.receive((message: HostMessage) => {
    if (message.kind === 'status') return say(message.text);
    const gap = message.seq !== seq + 1 && message.kind === 'delta';
    seq = message.seq;
    if (paused || document.hidden) return;
    if (message.kind === 'snapshot') return void show(message);
    if (gap || message.generation !== current?.generation) return transport.send({ kind: 'resync' });
    diagram.patch(message.metrics);
    table.patch(message.metrics);
  });

  part('pause').addEventListener('click', () => {
    paused = !paused;
    part('pause').textContent = paused ? 'Resume' : 'Pause';
    part('pause').setAttribute('aria-pressed', String(paused));
    if (!paused) transport.send({ kind: 'resync' });
  });
  part('fit').addEventListener('click', () => view.fit());
  part('frame').addEventListener('wheel', () => (part('fit').dataset['auto'] = 'off'), { passive: true });
  part('collapse').addEventListener('change', (event) => {
    transport.send({ kind: 'collapse', value: (event.target as HTMLInputElement).checked });
  });
  part('copy').addEventListener('click', () => {
    if (current !== undefined) transport.send({ kind: 'copy', text: current.mermaid });
  });
  part('filter').addEventListener('input', (event) => {
    table.filter = (event.target as HTMLInputElement).value;
    transport.send({ kind: 'focus', namespaces: table.namespacesShown() });
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) transport.send({ kind: 'resync' });
  });
  document.addEventListener('keydown', (event) => {
    if ((event.target as HTMLElement).closest('vscode-textfield') !== null) return;
    if (event.key === 'p') part('pause').click();
    if (event.key === 'f') view.fit();
    if (event.key !== '/') return;
    event.preventDefault();
    part('filter').focus();
  });
  transport.send({ kind: 'ready' });
}
