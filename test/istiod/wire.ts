// The protobuf wire format, as much of it as the tests need to speak without our generated code.

export type Field = number | Buffer;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

/** One field: a number as a varint, text, bytes or a message as a length-delimited value. */
export function field(tag: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(tag * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(tag * 8 + 2), varint(bytes.length), bytes]);
}

export function message(...fields: Buffer[]): Buffer {
  return Buffer.concat(fields);
}

/** google.protobuf.Struct with string values. */
export function struct(values: Record<string, string>): Buffer {
  const entries = Object.entries(values);
  return message(
    ...entries.map(([key, value]) => field(1, message(field(1, key), field(2, message(field(3, value)))))),
  );
}

/** All fields of a message by tag, in the order in which they came. */
export function read(bytes: Buffer): Map<number, Field[]> {
  const found = new Map<number, Field[]>();
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = next();
    const type = key % 8;
    let value: Field;
    if (type === 0) value = next();
    else if (type === 2) {
      const length = next();
      value = bytes.subarray(at, (at += length));
    } else if (type === 1) value = bytes.subarray(at, (at += 8));
    else throw new Error(`wire type ${type}`);
    const tag = Math.floor(key / 8);
    found.set(tag, [...(found.get(tag) ?? []), value]);
  }
  return found;
}

export function text(fields: Map<number, Field[]>, tag: number): string {
  const value = fields.get(tag)?.[0];
  return Buffer.isBuffer(value) ? value.toString('utf8') : '';
}

export function texts(fields: Map<number, Field[]>, tag: number): string[] {
  return blobs(fields, tag).map((value) => value.toString('utf8'));
}

export function number(fields: Map<number, Field[]>, tag: number): number {
  const value = fields.get(tag)?.[0];
  return typeof value === 'number' ? value : 0;
}

export function blobs(fields: Map<number, Field[]>, tag: number): Buffer[] {
  return (fields.get(tag) ?? []).filter((value): value is Buffer => Buffer.isBuffer(value));
}

/** A message field, empty when it is not there. */
export function inner(fields: Map<number, Field[]>, tag: number): Map<number, Field[]> {
  return read(blobs(fields, tag)[0] ?? Buffer.alloc(0));
}
