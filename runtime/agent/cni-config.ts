/** Name of the plugin's program, and so its `type` in a network's configuration. */
export const PLUGIN = 'ambient-cni';
/** Our configuration's file; the container runtime takes the first of its folder, in the order of their names. */
export const CONFIGURATION = '00-ambient.conflist';

/** The plugin's part of a network's configuration (cni/ambient-cni.c beside it). */
export interface PluginSettings {
  readonly type: typeof PLUGIN;
  /** Unix socket of the agent, as the node sees it. */
  readonly socket: string;
  /** Beginning of `<namespace>/<name>` of pods that start without the agent: its own. */
  readonly exempt: string;
}

interface Network {
  readonly cniVersion?: string;
  readonly name?: string;
  readonly type?: string;
  readonly plugins?: readonly { readonly type?: string }[];
}

/** Names of a folder's files that a container runtime would read, in its order, ours left out. */
export function primaryCandidates(names: readonly string[]): string[] {
  return names.filter((name) => /\.(?:conf|conflist|json)$/.test(name) && name !== CONFIGURATION).toSorted();
}

/**
 * A network's configuration with our plugin behind its own. It keeps its name, under which address management and the
 * container runtime remember pods.
 *
 * @param primary text of a `.conflist`, or of a `.conf` with one plugin
 * @returns undefined for a text that is neither
 * @see CNI specification 1.1, section 1
 */
export function chained(primary: string, settings: PluginSettings): string | undefined {
  let network: Network | null;
  try {
    network = JSON.parse(primary) as Network | null;
  } catch {
    return undefined;
  }
  if (typeof network?.name !== 'string') return undefined;
  const { cniVersion, name } = network;
  const list = Array.isArray(network.plugins) ? network : { cniVersion, name, plugins: [network] };
  const own = (list.plugins ?? []).filter(({ type }) => type !== PLUGIN);
  if (own.length === 0 || own.some(({ type }) => typeof type !== 'string')) return undefined;
  return `${JSON.stringify({ ...list, plugins: [...own, settings] }, undefined, 2)}\n`;
}
