import * as vscode from 'vscode';
import type { KubeClient } from '../runtime/kube/client';
import { runAmbient } from './ambient-process';

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
    if (result.ok && this.#state === 'stopped') await this.#connect(String(result.value['kubeconfig']));
  }

  /** Starts the mesh; progress lines go to `report`. Rejects with message and remedy. */
  async start(report: (line: string) => void, signal: AbortSignal): Promise<void> {
    this.#set('starting');
    const redirect = vscode.workspace.getConfiguration('ambient').get('redirect', 'auto');
    const result = await runAmbient(this, ['up', '--redirect', redirect], { report, signal });
    if (!result.ok && result.code !== 'AMB_ERR_ALREADY_RUNNING') {
      this.#set('stopped');
      throw new Error(`${result.message} ${result.remedy}`);
    }
    if (result.ok) await this.#connect(String(result.value['kubeconfig']));
    else await this.find();
  }

  /** Stops the mesh; its objects stay for the next start. */
  async stop(): Promise<void> {
    this.#disconnect();
    this.#set('stopping');
    const result = await runAmbient(this, ['down'], {});
    this.#set('stopped');
    if (!result.ok) throw new Error(`${result.message} ${result.remedy}`);
  }

  dispose(): void {
    this.#disconnect();
    this.#changed.dispose();
  }

  async #connect(kubeconfig: string): Promise<void> {
    const { connect } = await import('../runtime/kube/client');
    this.#client = await connect({ kubeconfig });
    this.kubeconfig = kubeconfig;
    this.log.info(`connected to ${this.#client.server}`);
    this.#set('running');
  }

  #disconnect(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
    this.kubeconfig = undefined;
  }

  #set(state: MeshState): void {
    this.#state = state;
    void vscode.commands.executeCommand('setContext', 'ambient.state', state);
    this.#changed.fire(state);
  }
}
