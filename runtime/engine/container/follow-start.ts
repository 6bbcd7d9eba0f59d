import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MeshError, type MeshErrorCode } from '../../errors';
import type { Progress } from '../engine';

/** What the container's first process says while the mesh starts, a line each. */
export type StartMessage =
  | Progress
  | { readonly ready: true }
  | { readonly error: { readonly code: MeshErrorCode; readonly detail: MeshError['detail'] } }
  | { readonly error: { readonly reason: string } };

/**
 * Reads the container's output until the mesh is ready.
 *
 * @param log named in errors, for who wants to read more
 * @throws MeshError the one that stopped the start inside, or AMB_ERR_START_FAILED when the output ends without a word
 */
export async function followStart(
  output: Readable,
  onProgress: (progress: Progress) => void,
  log: string,
): Promise<void> {
  let stage = 'the container';
  for await (const line of createInterface({ input: output, crlfDelay: Infinity })) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as StartMessage;
    if ('ready' in message) return;
    if ('stage' in message) {
      stage = message.stage;
      onProgress(message);
    } else if ('code' in message.error) throw new MeshError(message.error.code, message.error.detail);
    else throw new MeshError('AMB_ERR_START_FAILED', { stage, reason: message.error.reason, log });
  }
  throw new MeshError('AMB_ERR_START_FAILED', { stage, reason: 'the container ended', log });
}
