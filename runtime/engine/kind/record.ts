import path from 'node:path';
import { readEngineRecord, type KindRecord } from '../record';

export const logFile = (state: string): string => path.join(state, 'kind.log');

/** Undefined when no mesh of this engine belongs to the state folder. */
export function readRecord(state: string): KindRecord | undefined {
  const record = readEngineRecord(state);
  return record?.engine === 'kind' ? record : undefined;
}
