import { createRequire } from 'node:module';
import os from 'node:os';
import type { KoffiFunc, LibraryHandle } from 'koffi';

type Koffi = typeof import('koffi');
/** A pointer as koffi hands it out: an address, 0n or null for NULL. */
export type Pointer = bigint | null;

// koffi maps a native module of 2 MB: a process that never enters a pod does not pay for it.
const load = createRequire(import.meta.url);
let loaded: Koffi | undefined;

/** The foreign function interface, loaded at its first use. */
export function koffi(): Koffi {
  loaded ??= load('koffi') as Koffi;
  return loaded;
}

const machine = ({ x64: 'x86_64', arm64: 'aarch64' } as Record<string, string>)[process.arch] ?? process.arch;
const LIBC_NAMES = ['libc.so.6', `libc.musl-${machine}.so.1`, `/lib/ld-musl-${machine}.so.1`];

/** Opens the first library of a list that is there. @throws with the loader's words about the last one */
export function openLibrary(names: readonly string[]): LibraryHandle {
  let problem: unknown;
  for (const name of names) {
    try {
      return koffi().load(name);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

let handle: LibraryHandle | undefined;

/** Declares a function of the C library; it is looked up at its first call. */
export function libc<T extends (...args: never[]) => unknown>(definition: string): () => KoffiFunc<T> {
  let bound: KoffiFunc<T> | undefined;
  return () => {
    handle ??= openLibrary(LIBC_NAMES);
    bound ??= handle.func(definition) as unknown as KoffiFunc<T>;
    return bound;
  };
}

const errnoNames = new Map(Object.entries(os.constants.errno).map(([name, value]) => [value, name]));

/** `EADDRINUSE` for 98; the number itself where Node knows no name. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** A system call that failed; `code` is the errno's name, as in Node's own errors. */
export class SystemCallError extends Error {
  readonly code: string;

  constructor(
    readonly syscall: string,
    readonly errno: number,
    detail = '',
  ) {
    const code = errnoName(errno);
    super(`${syscall}${detail === '' ? '' : ` ${detail}`}: ${code}`);
    this.name = 'SystemCallError';
    this.code = code;
  }
}

/** Passes a call's result on, or throws what errno says when it is negative. */
export function check(syscall: string, result: number, detail?: string): number {
  if (result < 0) throw new SystemCallError(syscall, koffi().errno(), detail);
  return result;
}
