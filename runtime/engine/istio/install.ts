import { spawn } from 'node:child_process';
import path from 'node:path';
import { bundledCrds } from '../../api/crds';
import { KIND } from '../../api/kinds';
import { MeshError } from '../../errors';
import { ApiError, type KubeClient } from '../../kube/client';
import { findProgram, pathFolders } from '../find-program';
import type { Installation } from './detect';

const CHARTS = 'https://istio-release.storage.googleapis.com/charts';
const GATEWAY_API = 'gateway.networking.k8s.io';

export interface InstallStep {
  readonly what: string;
  /** A program and its arguments; absent for what is sent to the API server by us. */
  readonly command?: readonly string[];
}

export interface Tools {
  readonly istioctl?: string;
  readonly helm?: string;
}

/** Programs of the PATH that can install Istio. */
export function findTools(env: NodeJS.ProcessEnv = process.env): Tools {
  const folders = pathFolders(env);
  return { istioctl: findProgram('istioctl', folders), helm: findProgram('helm', folders) };
}

/**
 * What brings a cluster to Istio ambient: the Gateway API's definitions where they are missing, then `istioctl`, or Helm
 * with the charts that are missing.
 *
 * @param gatewayApi whether the cluster has the Gateway API
 * @throws MeshError AMB_ERR_INSTALLER_MISSING
 */
export function installSteps(
  tools: Tools,
  at: { context: string; kubeconfig?: string },
  found: Pick<Installation, 'istiod' | 'ztunnel' | 'cni' | 'namespace'>,
  gatewayApi: boolean,
): InstallStep[] {
  const steps: InstallStep[] = gatewayApi ? [] : [{ what: `apply the definitions of ${GATEWAY_API} to ${at.context}` }];
  const file = at.kubeconfig === undefined ? [] : ['--kubeconfig', at.kubeconfig];
  if (tools.istioctl !== undefined) {
    const profile = ['install', '--set', 'profile=ambient', '--skip-confirmation'];
    const command = [tools.istioctl, ...profile, '--context', at.context, ...file];
    return [...steps, { what: 'install the ambient profile', command }];
  }
  const { helm } = tools;
  if (helm === undefined) throw new MeshError('AMB_ERR_INSTALLER_MISSING');
  const chart = (release: string, name: string, ...values: string[]): InstallStep => ({
    what: `install the chart ${name}`,
    command: [
      ...[helm, 'upgrade', '--install', release, name, '--repo', CHARTS],
      ...['--namespace', found.namespace, '--create-namespace', '--wait', '--kube-context', at.context],
      ...file,
      ...values,
    ],
  });
  const ambient = ['--set', 'profile=ambient'];
  return [
    ...steps,
    ...(found.istiod ? [] : [chart('istio-base', 'base')]),
    // An istiod that is there learns of ambient mode by the same chart.
    chart('istiod', 'istiod', ...ambient),
    ...(found.cni ? [] : [chart('istio-cni', 'cni', ...ambient)]),
    ...(found.ztunnel ? [] : [chart('ztunnel', 'ztunnel')]),
  ];
}

/** Whether the cluster serves the Gateway API. */
export async function hasGatewayApi(client: KubeClient): Promise<boolean> {
  try {
    await client.list(KIND.GatewayClass);
    return true;
  } catch (error) {
    if (ApiError.is(error, 404)) return false;
    throw error;
  }
}

/**
 * Runs the steps one after another; what programs print goes to `onLine`.
 *
 * @throws MeshError AMB_ERR_INSTALL_FAILED with the last line of the program that failed
 */
export async function runSteps(
  client: KubeClient,
  steps: readonly InstallStep[],
  { onLine, signal }: { onLine: (line: string) => void; signal?: AbortSignal },
): Promise<void> {
  for (const { what, command } of steps) {
    onLine(what);
    if (command === undefined) {
      for (const crd of bundledCrds.filter(({ spec }) => spec.group === GATEWAY_API))
        await client.apply(KIND.CustomResourceDefinition, crd, 'ambient');
    } else await runCommand(command, onLine, signal);
  }
}

function runCommand(
  [program = '', ...args]: readonly string[],
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal });
    let last = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split(/[\r\n]+/)) {
          if (line.trim() === '') continue;
          last = line.trim();
          onLine(last);
        }
      });
    }
    const command = path.basename(program);
    const fail = (reason: string): void => reject(new MeshError('AMB_ERR_INSTALL_FAILED', { command, reason }));
    child.once('error', (error) => fail(signal?.aborted === true ? 'interrupted' : error.message));
    child.once('close', (code) => (code === 0 ? resolve() : fail(last || `exit code ${code}`)));
  });
}
