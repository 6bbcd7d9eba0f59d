import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { HEADER_DICTIONARY } from './header-dictionary';

export type Headers = Readonly<Record<string, string>>;

/** Compresses and reads the header blocks of one connection: all blocks of a direction share a zlib stream. */
export class HeaderBlocks implements Disposable {
  readonly #inflate: Inflate = createInflate({ dictionary: HEADER_DICTIONARY });
  readonly #deflate: Deflate = createDeflate({ dictionary: HEADER_DICTIONARY });

  /** Blocks must be read one after another, in the order in which they came. Throws for bytes that are none. */
  async read(block: Buffer): Promise<Headers> {
    const plain = await through(this.#inflate, block);
    let at = 0;
    const number = (): number => plain.readUInt32BE((at += 4) - 4);
    const text = (): string => {
      const length = number();
      return plain.toString('utf8', at, (at += length));
    };
    const headers: Record<string, string> = {};
    for (let left = number(); left > 0; left--) {
      const name = text().toLowerCase();
      headers[name] = text();
    }
    return headers;
  }

  write(headers: Headers): Promise<Buffer> {
    const parts: Buffer[] = [];
    const number = (value: number): void => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      parts.push(bytes);
    };
    const entries = Object.entries(headers);
    number(entries.length);
    for (const item of entries.flat()) {
      const text = Buffer.from(item);
      number(text.length);
      parts.push(text);
    }
    return through(this.#deflate, Buffer.concat(parts));
  }

  [Symbol.dispose](): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
  }
}

function through(stream: Inflate | Deflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off('error', reject);
      resolve((stream.read() as Buffer | null) ?? Buffer.alloc(0));
    });
  });
}
