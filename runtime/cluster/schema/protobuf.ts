import { badRequest } from '../store/status-error';
import { compactFields } from './builtin';
import { definitionName } from './kind-schema';

type Bag = Record<string, unknown>;

interface Field {
  readonly name: string;
  readonly type: string;
  /** A zero that was not set cannot be told from one that was, unless the field is a pointer: it is left out. */
  readonly pointer: boolean;
  readonly inline: boolean;
}

const MAGIC = Buffer.from('k8s\0');
const tables = new Map<string, Map<number, Field>>();

function tableOf(name: string): Map<number, Field> {
  let table = tables.get(name);
  if (table === undefined) {
    table = new Map();
    for (const [field, text] of Object.entries(compactFields(name) ?? {})) {
      const number = / #(\d+)/.exec(text)?.[1];
      const [, type = '', flags = ''] = /^(\S*?)([!*]*)(?: |$)/.exec(text)!;
      if (number === undefined) continue;
      const inline = field.startsWith('<');
      table.set(Number(number), { name: field, type, pointer: flags.includes('*'), inline });
    }
    tables.set(name, table);
  }
  return table;
}

/** Walks over the fields of a message: number, and a varint as bigint or the bytes of anything else. */
function* fieldsOf(bytes: Buffer): Generator<[number: number, value: bigint | Buffer]> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw badRequest('error decoding the body of the request: protobuf ends early');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw badRequest('error decoding the body of the request: protobuf ends early');
    return bytes.subarray(at, (at += length));
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield [tag >>> 3, varint()];
    else if (wire === 1) yield [tag >>> 3, take(8)];
    else if (wire === 2) yield [tag >>> 3, take(Number(varint()))];
    else if (wire === 5) yield [tag >>> 3, take(4)];
    else throw badRequest(`error decoding the body of the request: protobuf wire type ${wire}`);
  }
}

const signed = (value: bigint | Buffer | undefined): number =>
  typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0;
const bytesOf = (value: bigint | Buffer | undefined): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));

function time(bytes: Buffer, micro: boolean): string | undefined {
  const parts = Object.fromEntries(fieldsOf(bytes)) as Record<number, bigint | Buffer>;
  const seconds = signed(parts[1]);
  const nanos = signed(parts[2]);
  if (bytes.length === 0) return undefined;
  const text = new Date(seconds * 1000).toISOString();
  return micro
    ? text.replace(/\.\d+Z$/, `.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`)
    : text.replace(/\.\d+Z$/, 'Z');
}

function scalar(type: string, value: bigint | Buffer): unknown {
  const bytes = bytesOf(value);
  switch (type) {
    case 'int32':
    case 'int64':
      return signed(value);
    case 'bool':
      return value === 1n;
    case 'double':
      return bytes.length === 8 ? bytes.readDoubleLE() : 0;
    case 'bytes':
      return bytes.toString('base64');
    case 'time':
    case 'microtime':
      return time(bytes, type === 'microtime');
    case 'quantity':
      return first(bytes)?.toString();
    case 'intstr': {
      const parts = Object.fromEntries(fieldsOf(bytes)) as Record<number, bigint | Buffer>;
      return signed(parts[1]) === 1 ? bytesOf(parts[3]).toString() : signed(parts[2]);
    }
    case 'any': {
      const raw = first(bytes);
      return raw?.length ? (JSON.parse(raw.toString()) as unknown) : undefined;
    }
    default:
      return type.startsWith('string') ? bytes.toString() : message(type, bytes);
  }
}

/** The bytes of a message's field 1. */
function first(bytes: Buffer): Buffer | undefined {
  for (const [number, value] of fieldsOf(bytes)) if (number === 1) return bytesOf(value);
  return undefined;
}

const isZero = (value: unknown): boolean => value === '' || value === 0 || value === false || value === undefined;

function message(name: string, bytes: Buffer): Bag {
  const table = tableOf(name);
  const result: Bag = {};
  for (const [number, value] of fieldsOf(bytes)) {
    const field = table.get(number);
    if (field === undefined) continue;
    const { type } = field;
    if (field.inline) Object.assign(result, message(type, bytesOf(value)));
    else if (type.startsWith('[]')) {
      const list = (result[field.name] ??= []) as unknown[];
      list.push(scalar(type.slice(2), value));
    } else if (type.startsWith('{}')) {
      const map = (result[field.name] ??= {}) as Bag;
      const entry = Object.fromEntries(fieldsOf(bytesOf(value))) as Record<number, bigint | Buffer>;
      map[bytesOf(entry[1]).toString()] = mapValue(type.slice(2), entry[2]);
    } else {
      const decoded = scalar(type, value);
      if (field.pointer || !isZero(decoded)) result[field.name] = decoded;
    }
  }
  return result;
}

/** A map's value; lists as values are messages with the items as field 1. */
function mapValue(type: string, value: bigint | Buffer | undefined): unknown {
  if (!type.startsWith('[]')) return scalar(type, value ?? Buffer.alloc(0));
  return [...fieldsOf(bytesOf(value))].map(([, item]) => scalar(type.slice(2), item));
}

/**
 * Decodes an object in Kubernetes' protobuf encoding, which kubectl's typed clients send for built-in kinds.
 *
 * @throws a 400 Status for bytes that are none, or for a kind without protobuf numbers
 */
export function decodeProtobuf(body: Buffer): Bag {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw badRequest('error decoding the body of the request: no protobuf of Kubernetes');
  const envelope = Object.fromEntries(fieldsOf(body.subarray(4))) as Record<number, bigint | Buffer>;
  const meta = Object.fromEntries(fieldsOf(bytesOf(envelope[1]))) as Record<number, bigint | Buffer>;
  const apiVersion = bytesOf(meta[1]).toString();
  const kind = bytesOf(meta[2]).toString();
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  const name = kind === 'DeleteOptions' ? 'meta.v1.DeleteOptions' : definitionName({ group, version, kind });
  if (compactFields(name) === undefined) throw badRequest(`no protobuf encoding is known for ${kind} in ${apiVersion}`);
  return { apiVersion, kind, ...message(name, bytesOf(envelope[2])) };
}
