import { readFileSync } from 'node:fs';
import path from 'node:path';
import { run, UserMesh } from '../scenarios/user-mesh';

/** A mesh in a kind cluster of its own, made by the built command as a user of a fresh account would. */
export class KindMesh extends UserMesh {
  readonly cluster: string;

  constructor(cluster = `ambient-test-${process.pid}`) {
    super({ AMBIENT_KIND_CLUSTER: cluster });
    this.cluster = cluster;
  }

  /** Names of the cluster's containers, running or not. */
  async containers(): Promise<string[]> {
    const label = `label=io.x-k8s.kind.cluster=${this.cluster}`;
    const { stdout } = await run('docker', ['ps', '--all', '--filter', label, '--format', '{{.Names}}']);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** The engine's own log, for a failed start. */
  log(): string {
    return readFileSync(path.join(this.state, 'kind.log'), 'utf8');
  }
}
