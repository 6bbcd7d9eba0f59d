import { statSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { PROBE_SOURCE } from '../api/ports';
import type { Pod } from '../api/resources';
import { runInNamespace } from '../redirect/run-in-namespace';

const TABLE = 'ip ambient-probes';
const NOBODY = 4_294_967_295;

/**
 * Packets without a socket of the node's own are forwarded ones, and have no user id. Before kube-proxy's translation
 * (priority 100), which would take the connection first.
 */
const RULES = `add table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
  set pods { type ipv4_addr; }
  chain postrouting {
    type nat hook postrouting priority 90; policy accept;
    meta skuid != ${NOBODY} ip daddr @pods ip protocol tcp snat to ${PROBE_SOURCE}
  }
}
`;

/**
 * Gives the kubelet's probes of captured pods the source address that capture lets pass: a policy that admits only
 * callers with an identity would otherwise make every pod unready (mesh protocol 4.4).
 */
export class HostProbes {
  readonly #addresses = new Map<string, readonly string[]>();
  #pending: Promise<void> = Promise.resolve();

  private constructor(private readonly node: string) {}

  /**
   * @param node path of the node's network namespace, in sight of an agent that shares the node's pid namespace
   * @returns undefined where the agent sees only itself: there the kubelet uses that address without its help
   */
  static async start(node: string): Promise<HostProbes | undefined> {
    const isOwn = statSync(node, { bigint: true }).ino === statSync('/proc/self/ns/net', { bigint: true }).ino;
    if (isOwn) return undefined;
    const probes = new HostProbes(node);
    await probes.#nft(RULES);
    return probes;
  }

  /**
   * From now on a pod's probes pass. Idempotent; to be called again when the pod has got its address.
   *
   * @param told addresses of a pod whose status does not have them yet
   */
  async add({ metadata, status }: Pod, told: readonly string[] = []): Promise<void> {
    const known = (status?.podIPs ?? []).map(({ ip }) => ip);
    const addresses = (known.length > 0 ? known : told).filter(isIPv4);
    const uid = metadata.uid ?? '';
    const before = this.#addresses.get(uid);
    if (addresses.length === 0 || before?.join() === addresses.join()) return;
    // A pod whose sandbox was made anew has another address.
    if (before !== undefined) await this.remove(uid);
    this.#addresses.set(uid, addresses);
    await this.#nft(`add element ${TABLE} pods { ${addresses.join(', ')} }\n`);
  }

  /** A pod has left the mesh or is gone; another may have its address by now. */
  async remove(uid: string): Promise<void> {
    const addresses = this.#addresses.get(uid);
    if (addresses === undefined) return;
    this.#addresses.delete(uid);
    const kept = new Set([...this.#addresses.values()].flat());
    const gone = addresses.filter((address) => !kept.has(address));
    if (gone.length > 0) await this.#nft(`delete element ${TABLE} pods { ${gone.join(', ')} }\n`);
  }

  /** One change after another. */
  #nft(rules: string): Promise<void> {
    const done = this.#pending.then(async () => {
      const { code, stderr } = await runInNamespace(this.node, 'nft', ['-f', '-'], rules);
      if (code !== 0) throw new Error(`the node's rules for probes: ${stderr.trim().split('\n')[0] ?? ''}`);
    });
    this.#pending = done.catch(() => {});
    return done;
  }
}
