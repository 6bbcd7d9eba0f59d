import { hash } from 'node:crypto';
import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

/** One resource as it is served: encoded once, sent to many. */
export interface ResourceEntry {
  /** Hash of the content, so that a client that reconnects is sent only what changed. */
  readonly version: string;
  /** Type URL of `value`. */
  readonly contentType: string;
  readonly value: Uint8Array;
  /** Other names that a client may ask by: `<network>/<ip>`. */
  readonly aliases: readonly string[];
  /** Of a workload: where it runs. */
  readonly node?: string;
  /** Of a workload: the Services (`<namespace>/<hostname>`) that it serves. */
  readonly services?: readonly string[];
}

/** Encodes a message; equal content gives an equal version. */
export function resourceEntry<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
  details: Partial<Pick<ResourceEntry, 'aliases' | 'node' | 'services'>> = {},
): ResourceEntry {
  const value = toBinary(schema, message);
  return {
    version: hash('sha256', value, 'hex').slice(0, 16),
    contentType: `type.googleapis.com/${schema.typeName}`,
    value,
    aliases: [],
    ...details,
  };
}
