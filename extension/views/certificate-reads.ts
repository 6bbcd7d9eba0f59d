import { reasonOf } from '../../runtime/errors';
import type { WorkloadCertificate } from '../../runtime/kube/certificates';
import type { KubeClient } from '../../runtime/kube/client';
import { certificateRows, noteRow } from './certificate-rows';
import type { MeshRow } from './mesh-model';

/** A cluster is asked this often at most, however many rows are opened at once, in milliseconds. */
const APART_MS = 1_000;

type Read = (client: KubeClient, ztunnel: MeshRow) => Promise<readonly WorkloadCertificate[]>;

/** Asks the ztunnel of a row, through the mesh's library, which loads with the first row that is opened. */
const readZtunnel: Read = async (client, { namespace, pod = '' }) => {
  const { workloadCertificates } = await import('../../runtime/kube/workload-certificates');
  return workloadCertificates(client, { metadata: { namespace, name: pod } });
};

/**
 * Certificates of the rows that are open. A row is read when it is opened, and anew when it is opened again; not when the
 * tree is drawn again.
 */
export class CertificateReads {
  readonly #held = new Map<string, Promise<readonly WorkloadCertificate[]>>();
  readonly #closed = new Set<string>();
  #turn: Promise<void> = Promise.resolve();

  constructor(private readonly read: Read = readZtunnel) {}

  /** The rows below a ztunnel; what keeps them from being read is a row too. */
  async rows(client: KubeClient, ztunnel: MeshRow): Promise<readonly MeshRow[]> {
    let held = this.#held.get(ztunnel.id);
    if (held === undefined) {
      held = this.#inTurn(() => this.read(client, ztunnel));
      this.#held.set(ztunnel.id, held);
    }
    try {
      return certificateRows(ztunnel, await held, Date.now());
    } catch (error) {
      return [noteRow(ztunnel, `not readable: ${reasonOf(error)}`)];
    }
  }

  closed(row: MeshRow): void {
    this.#closed.add(row.id);
  }

  /** A row was opened. @returns whether it had been closed before, so that it is to be read and drawn anew */
  reopened(row: MeshRow): boolean {
    if (!this.#closed.delete(row.id)) return false;
    if (row.kind === 'ztunnel') this.#held.delete(row.id);
    else this.#held.clear();
    return true;
  }

  /** Another mesh may come. */
  forget(): void {
    this.#held.clear();
    this.#closed.clear();
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    this.#turn = before.then(() => new Promise((resolve) => setTimeout(resolve, APART_MS)));
    await before;
    return read();
  }
}
