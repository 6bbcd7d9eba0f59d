import type { Scene, SceneEdge, SceneMetrics } from '../../runtime/graph/scene';

const columns = [
  'From',
  'To',
  'Transport',
  'Verdict',
  'Policy or reason',
  'Rate /s',
  'p50 ms',
  'p99 ms',
  'Total',
  'Age',
];

function cell(text: string, role: 'cell' | 'columnheader' = 'cell'): HTMLElement {
  const element = document.createElement(role === 'cell' ? 'td' : 'th');
  element.textContent = text;
  if (role === 'columnheader') element.setAttribute('scope', 'col');
  return element;
}

function format(value: number | null): string {
  return value === null ? '' : value.toFixed(value < 10 ? 1 : 0);
}

/** The same picture as rows: for a screen reader, for exact numbers, for filtering. */
export class FlowTable {
  #rows = new Map<string, HTMLTableRowElement>();
  #scene: Scene = { nodes: [], edges: [] };
  #filter = '';
  readonly #body = document.createElement('tbody');

  constructor(
    table: HTMLTableElement,
    private readonly onPolicy: (policy: string) => void,
  ) {
    const head = document.createElement('thead');
    const row = document.createElement('tr');
    row.append(...columns.map((name) => cell(name, 'columnheader')));
    head.append(row);
    table.replaceChildren(head, this.#body);
  }

  set filter(text: string) {
    this.#filter = text.toLowerCase();
    for (const row of this.#rows.values()) this.#applyFilter(row);
  }

  /** Namespaces of the rows that the filter leaves; none without a filter. */
  namespacesShown(): string[] {
    if (this.#filter === '') return [];
    const shown = this.#scene.edges.filter((edge) => this.#rows.get(edge.key)?.hidden === false);
    const keys = new Set(shown.flatMap((edge) => [edge.source, edge.destination]));
    return [...new Set(this.#scene.nodes.filter((node) => keys.has(node.key)).map((node) => node.namespace))];
  }

  /** Builds the rows of a new scene. */
  show(scene: Scene, metrics: readonly SceneMetrics[]): void {
    this.#scene = scene;
    this.#rows = new Map(scene.edges.map((edge) => [edge.key, this.#row(edge)]));
    this.#body.replaceChildren(...this.#rows.values());
    this.patch(metrics);
  }

  patch(metrics: readonly SceneMetrics[]): void {
    for (const [key, rate, p50, p99, requests, open, age] of metrics) {
      const cells = this.#rows.get(key)?.cells;
      if (cells === undefined) continue;
      [rate, p50, p99].forEach((value, index) => write(cells[5 + index], format(value)));
      write(cells[8], requests === 0 && open > 0 ? `${open} open` : String(requests));
      write(cells[9], age === null ? 'live' : `${Math.round(age / 1000)} s`);
    }
  }

  #row(edge: SceneEdge): HTMLTableRowElement {
    const name = (key: string): string => {
      const node = this.#scene.nodes.find((candidate) => candidate.key === key);
      return node === undefined ? '?' : `${node.namespace === '' ? '' : `${node.namespace}/`}${node.name}`;
    };
    const row = document.createElement('tr');
    row.dataset['key'] = edge.key;
    row.className = edge.verdict;
    row.append(
      cell(name(edge.source)),
      cell(name(edge.destination)),
      cell(`${edge.mtls ? 'mTLS' : 'plain'}${edge.older ? ', older than enrolment' : ''} (${edge.protocol})`),
      cell(edge.inferred ? `${edge.verdict} (inferred)` : edge.verdict),
      this.#cause(edge),
      ...Array.from({ length: 5 }, () => cell('')),
    );
    this.#applyFilter(row);
    return row;
  }

  #cause(edge: SceneEdge): HTMLElement {
    const { policy } = edge;
    if (policy === undefined) return cell(edge.reason ?? '');
    const link = document.createElement('button');
    link.className = 'link';
    link.textContent = edge.policyInferred ? `${policy} (inferred)` : policy;
    link.title = edge.reason ?? '';
    link.addEventListener('click', () => this.onPolicy(policy.split(', ')[0] ?? policy));
    const holder = cell('');
    holder.append(link);
    return holder;
  }

  #applyFilter(row: HTMLTableRowElement): void {
    row.hidden = this.#filter !== '' && !(row.textContent ?? '').toLowerCase().includes(this.#filter);
  }
}

function write(target: HTMLTableCellElement | undefined, text: string): void {
  if (target !== undefined && target.textContent !== text) target.textContent = text;
}
