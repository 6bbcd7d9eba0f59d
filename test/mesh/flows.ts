import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { FlowSource } from '../../runtime/telemetry/flow-source';
import { eventually, type MeshUnderTest } from './mesh-under-test';

/** Every flow record of a mesh from now on. */
export class Flows implements AsyncDisposable {
  readonly records: FlowRecord[] = [];
  readonly #source: FlowSource;

  private constructor(mesh: MeshUnderTest) {
    this.#source = new FlowSource(mesh.client, (record) => void this.records.push(record));
  }

  /** @param components pods that must be read before it returns, as parts of their names */
  static async of(mesh: MeshUnderTest, ...components: string[]): Promise<Flows> {
    const flows = new Flows(mesh);
    await flows.#source.ready();
    await flows.reads(...components);
    return flows;
  }

  /** Waits until the streams of these components are open. */
  reads(...components: string[]): Promise<true> {
    const open = (): boolean =>
      components.every((part) => [...this.#source.connected].some((key) => key.includes(part)));
    return eventually(() => open() || undefined, `flow streams of ${components.join(', ')}`);
  }

  /** The first record that fits, now or later. */
  async find(fits: (record: FlowRecord) => boolean, what: string): Promise<FlowRecord> {
    return eventually(() => this.records.find(fits), `a flow record of ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }
}
