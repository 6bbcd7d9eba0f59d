import * as vscode from 'vscode';
import type { KubeClient } from '../runtime/kube/client';
import { AmbientError, runAmbient } from './ambient-process';

export interface StartOptions {
  readonly engine: string;
  /** Of the cluster to attach to; empty for the current one. */
  readonly context: string;
  /** Installs the kind program first, where it is missing. */
  readonly installKind?: boolean;
}

export type MeshState = 'stopped' | 'starting' | 'running' | 'stopping';

/**
 * The mesh as this window sees it: its state, and a connection to its API while it runs. The client library loads with
 * the first connection, not with the extension.
 */
export class MeshSession implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<MeshState>();
  readonly onDidChange = this.#changed.event;
  #state: MeshState = 'stopped';
  #client: KubeClient | undefined;
  /** Path of the running mesh's kubeconfig. */
  kubeconfig: string | undefined;
  /** What the running mesh runs on; `istio` is a cluster that was attached to. */
  engine: string | undefined;

  constructor(
    readonly log: vscode.LogOutputChannel,
    readonly extensionFolder: vscode.Uri,
  ) {}

  get state(): MeshState {
    return this.#state;
  }

  /** The API of the running mesh; throws when none runs. */
  get client(): KubeClient {
    if (this.#client === undefined) throw new Error('No mesh is running. Start one with Ambient: Start Mesh.');
    return this.#client;
  }

  /** Looks whether a mesh already runs on this machine, for instance started in a terminal. */
  async find(): Promise<void> {
    const result = await runAmbient(this, ['kubeconfig'], {});
    if (result.ok && this.#state === 'stopped') await this.#connect(result.value);
  }

  /** Starts the mesh, or attaches; progress lines go to `report`. Rejects with an AmbientError. */
  async start(
    { engine, context, installKind }: StartOptions,
    report: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#set('starting');
    const redirect = vscode.workspace.getConfiguration('ambient').get('redirect', 'auto');
    const at = engine === 'istio' && context !== '' ? ['--context', context] : [];
    const kind = installKind === true ? ['--install-kind'] : [];
    const args = ['up', '--engine', engine, '--redirect', redirect, ...at, ...kind];
    const result = await runAmbient(this, args, { report, signal });
    if (!result.ok && result.code !== 'AMB_ERR_ALREADY_RUNNING') {
      this.#set('stopped');
      throw new AmbientError(result);
    }
    if (result.ok) await this.#connect(result.value);
    else await this.find();
  }

  /** Stops the mesh; its objects stay for the next start. */
  async stop(): Promise<void> {
    this.#disconnect();
    this.#set('stopping');
    const result = await runAmbient(this, ['down'], {});
    this.#set('stopped');
    if (!result.ok) throw new AmbientError(result);
  }

  dispose(): void {
    this.#disconnect();
    this.#changed.dispose();
  }

  async #connect(value: Record<string, unknown>): Promise<void> {
    const kubeconfig = String(value['kubeconfig']);
    const { connect } = await import('../runtime/kube/client');
    this.#client = await connect({ kubeconfig });
    this.kubeconfig = kubeconfig;
    this.engine = String(value['engine']);
    for (const note of (value['notes'] as string[] | undefined) ?? []) this.log.warn(note);
    this.log.info(`connected to ${this.#client.server}`);
    this.#set('running');
  }

  #disconnect(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
    this.kubeconfig = undefined;
    this.engine = undefined;
  }

  #set(state: MeshState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', 'ambient.state', state);
    this.#changed.fire(state);
  }
}
