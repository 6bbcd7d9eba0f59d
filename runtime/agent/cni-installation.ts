import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
  type FSWatcher,
} from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../errors';
import { log } from '../telemetry/log';
import { chained, CONFIGURATION, PLUGIN, primaryCandidates, type PluginSettings } from './cni-config';

const logger = log('cni');

export interface CniFolders {
  /** The plugin's program for this architecture. */
  readonly program: string;
  /** The node's folder of network configurations, `/etc/cni/net.d` on the node. */
  readonly configurations: string;
  /** The node's folder of plugins, `/opt/cni/bin` on the node. */
  readonly plugins: string;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It went while we looked, or was never there.
    return undefined;
  }
}

/** Nobody ever sees half of the file. */
function replace(file: string, write: (at: string) => void): void {
  // Without an extension that a container runtime reads.
  const next = `${file}.${process.pid}.tmp`;
  write(next);
  renameSync(next, file);
}

/**
 * Our plugin in the node's network configuration: a file of our own, before the primary network's and made from it, which
 * stays as it is. The file follows the primary one and outlives this process, so that no pod starts without capture while
 * the agent is away (docs/adr/0004-cni-plugin.md).
 */
export class CniInstallation {
  readonly #file: string;
  readonly #watcher: FSWatcher;
  #missing = false;

  /** @throws when the program or one of the folders is not there */
  constructor(
    private readonly folders: CniFolders,
    private readonly settings: PluginSettings,
  ) {
    this.#file = path.join(folders.configurations, CONFIGURATION);
    replace(path.join(folders.plugins, PLUGIN), (at) => {
      copyFileSync(folders.program, at);
      chmodSync(at, 0o755);
    });
    this.#watcher = watch(folders.configurations, () => this.#follow());
    this.#watcher.on('error', (error) => logger.warn('the network is not watched', { error: error.message }));
    this.#follow();
  }

  /** Writes our configuration anew where the primary one calls for it. */
  #follow(): void {
    const { configurations } = this.folders;
    try {
      const primaries = primaryCandidates(readdirSync(configurations));
      for (const name of primaries) {
        const text = chained(read(path.join(configurations, name)) ?? '', this.settings);
        if (text === undefined) continue;
        if (name < CONFIGURATION) logger.warn('a network comes before ours; its pods start uncaptured', { name });
        this.#missing = false;
        if (read(this.#file) === text) return;
        replace(this.#file, (at) => writeFileSync(at, text, { mode: 0o600 }));
        logger.info('new pods are captured before they start', { network: name });
        return;
      }
      // What we wrote stays: a network that is replaced must leave no moment without capture.
      if (!this.#missing) logger.warn('the node has no network configuration', { folder: configurations });
      this.#missing = true;
    } catch (error) {
      logger.warn('the network configuration was not written', { error: reasonOf(error) });
    }
  }

  /** Takes the plugin out of the node's network. */
  remove(): void {
    this.close();
    rmSync(this.#file, { force: true });
    rmSync(path.join(this.folders.plugins, PLUGIN), { force: true });
    logger.info('new pods start without the agent', {});
  }

  /** Stops following the primary network; the configuration stays. */
  close(): void {
    this.#watcher.close();
  }
}

/**
 * Installs the plugin where the agent was given the node's folders.
 *
 * @returns undefined where it was not, or where this build has no plugin for the node's architecture
 */
export function installCni(folders: CniFolders | undefined, settings: PluginSettings): CniInstallation | undefined {
  if (folders === undefined) return undefined;
  if (!existsSync(folders.program)) {
    logger.warn('no plugin for this architecture: new pods are captured when they run', { program: folders.program });
    return undefined;
  }
  return new CniInstallation(folders, settings);
}
