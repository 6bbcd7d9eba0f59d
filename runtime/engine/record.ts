import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What the state folder remembers of a cluster that the kind engine made or took over. */
export interface KindRecord {
  readonly engine: 'kind';
  readonly cluster: string;
  /** Of the Docker engine, as DOCKER_HOST names it. */
  readonly host: string;
  /** Somebody else made the cluster: `down` leaves it. */
  readonly adopted?: boolean;
  /** Paths in an adopted cluster's API of what it had of the mesh's things before; unset until something is applied. */
  readonly had?: readonly string[];
  /** The user's own kubeconfig has the cluster too. */
  readonly merged?: boolean;
}

/** What the state folder remembers of a container that carries an embedded mesh. */
export interface ContainerRecord {
  readonly engine: 'container';
  /** Name of the container, and of the volume that has the mesh's state. */
  readonly name: string;
  /** Of the Docker engine, as DOCKER_HOST names it. */
  readonly host: string;
}

/** What the state folder remembers of a cluster that somebody attached to. */
export interface IstioRecord {
  readonly engine: 'istio';
  readonly context: string;
  readonly server: string;
  /** The kubeconfig that was named; otherwise KUBECONFIG or the user's own. */
  readonly kubeconfig?: string;
}

/** A mesh that runs elsewhere than in this machine's own processes. */
export type EngineRecord = KindRecord | ContainerRecord | IstioRecord;

const recordFile = (state: string): string => path.join(state, 'engine.json');
export const kubeconfigFile = (state: string): string => path.join(state, 'kubeconfig');

/** Undefined when the state folder's mesh, if any, runs as processes of this machine. */
export function readEngineRecord(state: string): EngineRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(state), 'utf8')) as EngineRecord;
  } catch {
    return undefined;
  }
}

export function writeRecord(state: string, record: EngineRecord): void {
  writeFileSync(recordFile(state), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Forgets where the mesh runs, and its administrator. */
export function removeRecord(state: string): void {
  rmSync(kubeconfigFile(state), { force: true });
  rmSync(recordFile(state), { force: true });
}
