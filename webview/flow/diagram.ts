import mermaid from 'mermaid';
import { numbersOf } from '../../runtime/graph/mermaid';
import type { SceneMetrics } from '../../runtime/graph/scene';
import type { Snapshot } from '../../runtime/graph/protocol';

interface Arrow {
  readonly path: SVGElement | undefined;
  /** The text node that holds the numbers; the rest of the label changes only with a new layout. */
  readonly numbers: Text | undefined;
}

/** Requests a second from which an arrow counts as busy. */
const BUSY_RATE = 1;

/**
 * The live picture: lays out anew only when somebody new talks, and patches numbers into the standing SVG otherwise.
 * Mermaid removes an element that already has the id it renders under, so two ids take turns.
 */
export class Diagram {
  #turn = 0;
  #arrows = new Map<string, Arrow>();
  #latest: readonly SceneMetrics[] = [];
  #rendering: Promise<void> = Promise.resolve();
  /** The latest snapshot: a large one takes seconds to lay out, in which others come that nobody needs to see. */
  #wanted: Snapshot | undefined;

  constructor(
    private readonly stage: HTMLElement,
    dark: boolean,
  ) {
    const style = getComputedStyle(document.body);
    const variable = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: 'strict',
      theme: 'base',
      maxTextSize: 200_000,
      maxEdges: 600,
      fontFamily: variable('--vscode-font-family', 'sans-serif'),
      themeVariables: {
        darkMode: dark,
        background: variable('--vscode-editor-background', dark ? '#1f1f1f' : '#ffffff'),
        primaryColor: variable('--vscode-editorWidget-background', dark ? '#2a2d2e' : '#f3f3f3'),
        primaryTextColor: variable('--vscode-editor-foreground', dark ? '#cccccc' : '#3b3b3b'),
        primaryBorderColor: variable('--vscode-focusBorder', '#0078d4'),
        lineColor: variable('--vscode-descriptionForeground', dark ? '#9d9d9d' : '#616161'),
        clusterBkg: 'transparent',
        clusterBorder: variable('--vscode-descriptionForeground', '#888888'),
        edgeLabelBackground: variable('--vscode-editor-background', dark ? '#1f1f1f' : '#ffffff'),
        fontSize: '13px',
      },
    });
  }

  /** Lays out a snapshot beside the standing picture and swaps it in within one frame. */
  show(snapshot: Snapshot): Promise<void> {
    this.#latest = snapshot.metrics;
    this.#wanted = snapshot;
    this.#rendering = this.#rendering
      .then(() => (snapshot === this.#wanted ? this.#render(snapshot) : undefined))
      .catch((error: unknown) => {
        this.stage.dataset['error'] = String(error);
      });
    return this.#rendering;
  }

  /** Writes new numbers into the arrows of the standing picture. */
  patch(metrics: readonly SceneMetrics[]): void {
    this.#latest = metrics;
    for (const entry of metrics) {
      const arrow = this.#arrows.get(entry[0]);
      if (arrow === undefined) continue;
      const text = numbersOf(entry);
      if (arrow.numbers !== undefined && arrow.numbers.data !== text) arrow.numbers.data = text;
      arrow.path?.classList.toggle('busy', entry[1] >= BUSY_RATE);
      arrow.path?.classList.toggle('idle', entry[1] === 0);
    }
  }

  async #render(snapshot: Snapshot): Promise<void> {
    if (snapshot.scene.edges.length === 0) return;
    this.#turn = 1 - this.#turn;
    const { svg } = await mermaid.render(`mesh${this.#turn}`, snapshot.mermaid);
    const next = document.createElement('div');
    next.innerHTML = svg;
    await new Promise(requestAnimationFrame);
    this.stage.replaceChildren(...next.childNodes);
    this.#index(snapshot);
    this.patch(this.#latest);
    this.stage.dataset['generation'] = String(snapshot.generation);
  }

  #index(snapshot: Snapshot): void {
    this.#arrows = new Map(
      snapshot.scene.edges.map(({ key, verdict }) => {
        const label = this.stage.querySelector(`g.label[data-id="${key}"]`);
        const path = this.stage.querySelector<SVGElement>(`path[data-id="${key}"]`) ?? undefined;
        path?.classList.add(verdict);
        return [key, { path, numbers: label === null ? undefined : numbersNode(label) }];
      }),
    );
  }
}

function numbersNode(label: Element): Text | undefined {
  const walker = document.createTreeWalker(label, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (/\/s/.test((node as Text).data)) return node as Text;
  }
  return undefined;
}
