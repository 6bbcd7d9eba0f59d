import * as vscode from 'vscode';
import type { Gateway, Namespace, Pod, Service } from '../../runtime/api/resources';
import type { Watch } from '../../runtime/kube/watch';
import type { MeshSession } from '../mesh-session';
import { CertificateReads } from './certificate-reads';
import { certificatesRow } from './certificate-rows';
import { meshRows, type MeshRow } from './mesh-model';

/** Changes come in bursts; the tree is drawn at most this often, in milliseconds. */
const REDRAW_MS = 100;
const SILENCE_MS = 1_000;

const icons: Record<MeshRow['kind'], string> = {
  namespace: 'symbol-namespace',
  service: 'globe',
  waypoint: 'type-hierarchy',
  workload: 'layers',
  pod: 'server-process',
  certificates: 'lock',
  ztunnel: 'server',
  certificate: 'verified',
  note: 'info',
};

/** How a row that has others below it begins. */
const opening: Partial<Record<MeshRow['kind'], vscode.TreeItemCollapsibleState>> = {
  namespace: vscode.TreeItemCollapsibleState.Expanded,
  workload: vscode.TreeItemCollapsibleState.Collapsed,
  certificates: vscode.TreeItemCollapsibleState.Collapsed,
  ztunnel: vscode.TreeItemCollapsibleState.Collapsed,
};

interface Watches {
  namespaces: Watch<Namespace>;
  services: Watch<Service>;
  pods: Watch<Pod>;
  gateways: Watch<Gateway>;
}

/**
 * The Mesh view: namespaces with their waypoints, services, workloads and pods, kept current by watches while the mesh runs, and the
 * certificates of workloads, read when somebody opens their row.
 */
export class MeshTree implements vscode.TreeDataProvider<MeshRow>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<MeshRow | void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #subscription: vscode.Disposable;
  #watches: Watches | undefined;
  /** Looking for a mesh that a terminal started waits until somebody looks at the view. */
  #looked: Promise<void> | undefined;
  #redraw: NodeJS.Timeout | undefined;
  /** Runs while the API does not answer. */
  #silence: NodeJS.Timeout | undefined;
  readonly #certificates = new CertificateReads();
  /** The view that shows this; says how old its rows are while the API does not answer. */
  view: vscode.TreeView<MeshRow> | undefined;

  constructor(private readonly session: MeshSession) {
    this.#subscription = session.onDidChange((state) => void (state === 'running' ? this.#watch() : this.#unwatch()));
  }

  async getChildren(row?: MeshRow): Promise<MeshRow[]> {
    if (row?.kind === 'ztunnel' && this.session.state === 'running') {
      return [...(await this.#certificates.rows(this.session.client, row))];
    }
    if (row !== undefined) return [...row.children];
    if (this.#watches === undefined) {
      if (this.#looked === undefined) this.#looked = this.session.find();
      return [];
    }
    const { namespaces, services, pods, gateways } = this.#watches;
    const rows = meshRows({
      namespaces: namespaces.values(),
      services: services.values(),
      pods: pods.values(),
      gateways: gateways.values(),
    });
    const certificates = certificatesRow(pods.values());
    return certificates === undefined ? rows : [...rows, certificates];
  }

  /** Follows which rows of certificates are opened and closed in the view. */
  follow(view: vscode.TreeView<MeshRow>): vscode.Disposable {
    const ofCertificates = ({ kind }: MeshRow): boolean => kind === 'certificates' || kind === 'ztunnel';
    return vscode.Disposable.from(
      view.onDidCollapseElement(({ element }) => {
        if (ofCertificates(element)) this.#certificates.closed(element);
      }),
      view.onDidExpandElement(({ element }) => {
        if (ofCertificates(element) && this.#certificates.reopened(element)) this.#changed.fire(element);
      }),
    );
  }

  getTreeItem(row: MeshRow): vscode.TreeItem {
    const item = new vscode.TreeItem(row.label, opening[row.kind] ?? vscode.TreeItemCollapsibleState.None);
    item.id = row.id;
    item.description = row.description;
    item.contextValue = row.context;
    item.iconPath = new vscode.ThemeIcon(icons[row.kind]);
    item.tooltip = row.tooltip ?? `${row.kind} ${row.label}: ${row.description}`;
    return item;
  }

  dispose(): void {
    this.#subscription.dispose();
    void this.#unwatch();
    this.#changed.dispose();
  }

  async #watch(): Promise<void> {
    const [{ Watch }, { KIND }] = await Promise.all([
      import('../../runtime/kube/watch'),
      import('../../runtime/api/kinds'),
    ]);
    if (this.#watches !== undefined || this.session.state !== 'running') return;
    const { client } = this.session;
    const changed = (): void => {
      if (this.#redraw !== undefined) return;
      this.#redraw = setTimeout(() => {
        this.#redraw = undefined;
        this.#changed.fire();
      }, REDRAW_MS);
    };
    const onError = (error: unknown): void => {
      this.session.log.debug(`watch: ${String(error)}`);
      this.#silence ??= setInterval(() => this.#tellSilence(), SILENCE_MS);
    };
    this.#watches = {
      namespaces: new Watch<Namespace>(client, KIND.Namespace, changed, { onError }),
      services: new Watch<Service>(client, KIND.Service, changed, { onError }),
      pods: new Watch<Pod>(client, KIND.Pod, changed, { onError }),
      gateways: new Watch<Gateway>(client, KIND.Gateway, changed, { onError }),
    };
  }

  #tellSilence(): void {
    const lost = Object.values(this.#watches ?? {})
      .map(({ lostAt }: { lostAt?: number }) => lostAt)
      .filter((time) => time !== undefined);
    const seconds = Math.round((Date.now() - Math.min(...lost)) / 1000);
    const message =
      lost.length === 0 ? undefined : `The API has not answered for ${seconds} s; this is what it said last.`;
    if (this.view !== undefined) this.view.message = message;
    if (message !== undefined) return;
    clearInterval(this.#silence);
    this.#silence = undefined;
  }

  async #unwatch(): Promise<void> {
    const watches = this.#watches;
    this.#watches = undefined;
    this.#certificates.forget();
    this.#tellSilence();
    this.#changed.fire();
    if (watches !== undefined) await Promise.all(Object.values(watches).map((watch) => watch[Symbol.asyncDispose]()));
  }
}
