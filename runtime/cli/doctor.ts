import type { Check } from '../doctor/check';
import { machineChecks } from '../doctor/machine';
import { UNPROVEN } from '../doctor/unproven';
import type { EngineName } from '../engine/registry';
import { connectToMesh, kubeconfigOf, type MeshOptions } from './mesh';
import { print, table } from './output';

const MARKS: Record<Check['state'], string> = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skipped: 'skipped' };

/** What a cluster's mesh is like; a single skipped line where no cluster is meant. */
async function clusterPart(options: MeshOptions): Promise<Check[]> {
  const named = options.context !== undefined || (await kubeconfigOf(options)) !== undefined;
  if (!named) {
    const detail = 'no mesh is running; name a cluster with --context or --kubeconfig';
    return [{ group: 'cluster', name: 'Kubernetes API', state: 'skipped', detail }];
  }
  using client = await connectToMesh(options);
  const [{ clusterChecks }, { meshChecks }, { telemetryChecks }, { check }] = await Promise.all([
    import('../doctor/cluster'),
    import('../doctor/mesh'),
    import('../doctor/telemetry'),
    import('../doctor/check'),
  ]);
  const { checks, installation } = await clusterChecks(client);
  if (installation?.istiod === undefined) return checks;
  const parts = [() => meshChecks(client, installation.namespace), () => telemetryChecks(client)];
  for (const part of parts) {
    let found: Check[] = [];
    const whole = await check('mesh', 'reading the cluster', async () => {
      found = await part();
      return { state: 'ok', detail: '' };
    });
    checks.push(...(whole.state === 'ok' ? found : [whole]));
  }
  return checks;
}

function text(checks: readonly Check[], unproven: boolean): string {
  const rows = checks.map(({ group, name, state, detail }) => [MARKS[state], group, name, detail]);
  const remedies = checks
    .filter(({ state, remedy }) => remedy !== undefined && (state === 'fail' || state === 'warn'))
    .map(({ group, name, remedy }) => `  ${group}, ${name}: ${remedy}\n`);
  const open = UNPROVEN.map(
    ({ what, command, report }) => `  ${what}.\n    ${command}\n    worth reporting: ${report}\n`,
  );
  return [
    table(['STATE', 'OF', 'CHECK', 'FOUND'], rows),
    remedies.length === 0 ? '' : `\nWhat to do:\n${remedies.join('')}`,
    unproven ? `\nWhat no test of ours has proven, and you could:\n${open.join('')}` : '',
  ].join('');
}

/** `ambient doctor`: exit code 1 when a check fails; warnings are none of its business. */
export async function doctor(options: MeshOptions & { engine: EngineName; unproven?: boolean }): Promise<number> {
  const checks = [...(await machineChecks(options.engine)), ...(await clusterPart(options))];
  const unproven = options.unproven === true;
  print(options.output, { checks, ...(unproven && { unproven: UNPROVEN }) }, () => text(checks, unproven));
  if (options.output === 'text' && !unproven)
    process.stderr.write('What no test of ours has proven: ambient doctor --unproven\n');
  return checks.some(({ state }) => state === 'fail') ? 1 : 0;
}
