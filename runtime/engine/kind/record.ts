import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What the state folder remembers of a cluster that this engine made. */
export interface KindRecord {
  readonly engine: 'kind';
  readonly cluster: string;
  /** Of the Docker engine, as DOCKER_HOST names it. */
  readonly host: string;
}

const recordFile = (state: string): string => path.join(state, 'engine.json');
export const kubeconfigFile = (state: string): string => path.join(state, 'kubeconfig');
export const logFile = (state: string): string => path.join(state, 'kind.log');

/** Undefined when no mesh of this engine belongs to the state folder. */
export function readRecord(state: string): KindRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(recordFile(state), 'utf8')) as KindRecord;
    return record.engine === 'kind' ? record : undefined;
  } catch {
    return undefined;
  }
}

export function writeRecord(state: string, record: KindRecord): void {
  writeFileSync(recordFile(state), `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Forgets the cluster, and its administrator. */
export function removeRecord(state: string): void {
  rmSync(kubeconfigFile(state), { force: true });
  rmSync(recordFile(state), { force: true });
}
