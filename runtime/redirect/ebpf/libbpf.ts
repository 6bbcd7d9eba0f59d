import type { LibraryHandle } from 'koffi';
import { koffi, openLibrary, SystemCallError, type Pointer } from '../libc';

const NAMES = ['libbpf.so.1', '/usr/lib/libbpf.so.1', '/usr/lib64/libbpf.so.1'];

interface Libbpf {
  openFile(path: string, options: null): Pointer;
  load(object: Pointer): number;
  close(object: Pointer): void;
  findProgram(object: Pointer, name: string): Pointer;
  findMap(object: Pointer, name: string): Pointer;
  nextMap(object: Pointer, previous: Pointer): Pointer;
  mapName(map: Pointer): string;
  setPinPath(map: Pointer, path: string): number;
  setInitialValue(map: Pointer, value: Buffer, size: number): number;
  attachCgroup(program: Pointer, cgroup: number): Pointer;
  attachNamespace(program: Pointer, netns: number): Pointer;
  linkFd(link: Pointer): number;
  pinLink(link: Pointer, path: string): number;
  destroyLink(link: Pointer): number;
  detachLink(fd: number): number;
  getPinned(path: string): number;
  updateElement(fd: number, key: Buffer, value: Buffer, flags: number): number;
  deleteElement(fd: number, key: Buffer): number;
}

const DEFINITIONS: Record<keyof Libbpf, string> = {
  openFile: 'void *bpf_object__open_file(const char *path, const void *options)',
  load: 'int bpf_object__load(void *object)',
  close: 'void bpf_object__close(void *object)',
  findProgram: 'void *bpf_object__find_program_by_name(void *object, const char *name)',
  findMap: 'void *bpf_object__find_map_by_name(void *object, const char *name)',
  nextMap: 'void *bpf_object__next_map(void *object, void *previous)',
  mapName: 'const char *bpf_map__name(void *map)',
  setPinPath: 'int bpf_map__set_pin_path(void *map, const char *path)',
  setInitialValue: 'int bpf_map__set_initial_value(void *map, const void *value, size_t size)',
  attachCgroup: 'void *bpf_program__attach_cgroup(void *program, int cgroup)',
  attachNamespace: 'void *bpf_program__attach_netns(void *program, int netns)',
  linkFd: 'int bpf_link__fd(void *link)',
  pinLink: 'int bpf_link__pin(void *link, const char *path)',
  destroyLink: 'int bpf_link__destroy(void *link)',
  detachLink: 'int bpf_link_detach(int fd)',
  getPinned: 'int bpf_obj_get(const char *path)',
  updateElement: 'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
  deleteElement: 'int bpf_map_delete_elem(int fd, const void *key)',
};

let bound: Libbpf | undefined;

/** libbpf 1.x, loaded at the first use. @throws with the loader's words when the machine has none */
export function libbpf(): Libbpf {
  if (bound !== undefined) return bound;
  const library: LibraryHandle = openLibrary(NAMES);
  // It writes whole verifier logs to standard error otherwise; errno says enough to a user.
  if (process.env['AMBIENT_BPF_LOG'] === undefined) library.func('void *libbpf_set_print(void *print)')(null);
  const entries = Object.entries(DEFINITIONS).map(([name, definition]) => [name, library.func(definition)] as const);
  bound = Object.fromEntries(entries) as unknown as Libbpf;
  return bound;
}

function checked(result: number, what: string): number {
  if (result < 0) throw new SystemCallError('bpf', result === -1 ? koffi().errno() : -result, what);
  return result;
}

function found(pointer: Pointer, what: string): Pointer {
  if (pointer === null || pointer === 0n) throw new SystemCallError('bpf', koffi().errno(), what);
  return pointer;
}

export interface LoadOptions {
  /** Maps by name → where they are pinned; a pinned map is used again, a missing one is made and pinned. */
  readonly pins: Readonly<Record<string, string>>;
  /** The constants of the program (`const volatile`), as the object lays them out. */
  readonly constants?: Buffer;
}

/** The programs of one compiled object, in the kernel. Closing it keeps what is attached by pinned links. */
export class BpfObject {
  readonly #pointer: Pointer;

  /** @throws SystemCallError EPERM without CAP_BPF, EINVAL or EACCES when the kernel refuses a program or map */
  constructor(
    readonly path: string,
    { pins, constants }: LoadOptions,
  ) {
    this.#pointer = found(libbpf().openFile(path, null), `open ${path}`);
    try {
      for (const [name, pin] of Object.entries(pins)) {
        const map = found(libbpf().findMap(this.#pointer, name), `map ${name} of ${path}`);
        checked(libbpf().setPinPath(map, pin), `pin of map ${name}`);
      }
      if (constants !== undefined) {
        checked(libbpf().setInitialValue(this.#constants(), constants, constants.length), 'constants');
      }
      checked(libbpf().load(this.#pointer), `load ${path}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #constants(): Pointer {
    for (let map = libbpf().nextMap(this.#pointer, null); map; map = libbpf().nextMap(this.#pointer, map)) {
      if (libbpf().mapName(map).endsWith('.rodata')) return map;
    }
    throw new Error(`${this.path} has no constants`);
  }

  /**
   * Attaches a program by a link and pins the link at `pin`: capture then outlives this process.
   *
   * @param target descriptor of a cgroup's directory or of a network namespace
   */
  attach(program: string, to: 'cgroup' | 'namespace', target: number, pin: string): void {
    const api = libbpf();
    const pointer = found(api.findProgram(this.#pointer, program), `program ${program}`);
    const link = found(
      to === 'cgroup' ? api.attachCgroup(pointer, target) : api.attachNamespace(pointer, target),
      `attach ${program}`,
    );
    try {
      checked(api.pinLink(link, pin), `pin ${pin}`);
    } finally {
      api.destroyLink(link);
    }
  }

  close(): void {
    libbpf().close(this.#pointer);
  }
}

/** Opens a pinned map or link. @throws SystemCallError ENOENT when nothing is pinned there */
export function openPinned(path: string): number {
  return checked(libbpf().getPinned(path), path);
}

/** Detaches a link at once, rather than when its last reference goes. */
export function detachLink(fd: number): void {
  checked(libbpf().detachLink(fd), 'detach');
}

/** Writes one element, replacing what is there. */
export function updateElement(map: number, key: Buffer, value: Buffer): void {
  checked(libbpf().updateElement(map, key, value, 0), 'update');
}

/** Removes one element; none is fine. */
export function deleteElement(map: number, key: Buffer): void {
  libbpf().deleteElement(map, key);
}
