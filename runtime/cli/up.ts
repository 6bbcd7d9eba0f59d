import type { RedirectMode, UpResult } from '../engine/engine';
import { engineToStart, type EngineName } from '../engine/registry';
import { MeshError } from '../errors';
import { guardProduction } from './production-guard';
import { confirmed, interruptible, print, progress, type OutputFormat, type Progress } from './output';
import { stateFolder } from './mesh';

export interface UpCommand {
  output: OutputFormat;
  state?: string;
  engine: EngineName;
  port: number;
  redirect: RedirectMode;
  /** Of the kind engine's cluster. */
  nodes?: number;
  cluster?: string;
  adopt?: boolean;
  mergeKubeconfig?: boolean;
  installKind?: boolean;
  /** Seconds; undefined waits as long as the engine usually needs. */
  timeout?: number;
  /** Of the cluster that the istio engine attaches to. */
  kubeconfig?: string;
  context?: string;
  /** Installs upstream Istio where it is missing. */
  install?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** `ambient up`: starts the mesh in the background and prints where its kubeconfig is. */
export async function up(options: UpCommand): Promise<void> {
  const state = stateFolder(options.state);
  const engine = await engineToStart(options.engine, state);
  refuseForeignOptions(engine.name, options);
  if (engine.name === 'istio' && options.install === true && !(await installIstio(options))) return;
  const line = progress(options.output);
  const signal = interruptible();
  const start = (): Promise<UpResult> =>
    engine.up({
      state,
      port: options.port,
      redirect: options.redirect,
      nodes: options.nodes,
      cluster: options.cluster,
      adopt: options.adopt,
      mergeKubeconfig: options.mergeKubeconfig,
      attach: { kubeconfig: options.kubeconfig, context: options.context },
      timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
      signal,
      onProgress: ({ stage, message }) => line.say(message === undefined ? stage : `${stage}: ${message}`),
    });
  const result = await start().catch(async (error: unknown) => {
    if (!MeshError.is(error, 'AMB_ERR_KIND_MISSING') || !(await offerKind(options, line, signal))) throw error;
    return start();
  });
  line.done();
  const { kubeconfig, notes } = result;
  const value = { engine: engine.name, kubeconfig, readyMs: Math.round(result.readyMs), state, notes };
  print(options.output, value, () =>
    [
      engine.name === 'istio'
        ? 'Attached; nothing in the cluster was changed.\n'
        : `The mesh is ready after ${(result.readyMs / 1000).toFixed(1)} s.\n`,
      ...(notes ?? []).map((note) => `note: ${note}\n`),
      `export KUBECONFIG=${kubeconfig}\n`,
    ].join(''),
  );
}

/** Options that only one engine has. */
const FOREIGN = {
  istio: { kubeconfig: 'kubeconfig', context: 'context', install: 'install', dryRun: 'dry-run' },
  kind: {
    nodes: 'nodes',
    cluster: 'cluster',
    adopt: 'adopt',
    mergeKubeconfig: 'merge-kubeconfig',
    installKind: 'install-kind',
  },
} as const satisfies Record<string, Partial<Record<keyof UpCommand, string>>>;

function refuseForeignOptions(engine: string, options: UpCommand): void {
  for (const [owner, names] of Object.entries(FOREIGN)) {
    const given = Object.entries(names).find(([option]) => options[option as keyof UpCommand] !== undefined);
    if (given === undefined || owner === engine) continue;
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `The ${engine} engine has no --${given[1]}.`,
      remedy: `It belongs to another engine: ambient up --engine ${owner} --${given[1]} ...`,
    });
  }
}

/** Installs kind when the user has asked for it or, on a terminal, says so now; false when he does not. */
async function offerKind({ installKind: asked }: UpCommand, line: Progress, signal: AbortSignal): Promise<boolean> {
  const { installKind, kindInstallation } = await import('../engine/kind/install');
  const { program, url } = kindInstallation();
  line.done();
  if (asked !== true && !(await confirmed(`kind is missing. Install ${url} as ${program}?`, signal))) return false;
  await installKind({ onLine: (text) => line.say(`kind: ${text}`), signal });
  return true;
}

/** Installs what is missing, or with --dry-run prints what would run; false when that is all. */
async function installIstio(options: UpCommand): Promise<boolean> {
  const [{ chooseContext }, { KubeClient, accessOf }, { detect }, install] = await Promise.all([
    import('../engine/istio/kubeconfig'),
    import('../kube/client'),
    import('../engine/istio/detect'),
    import('../engine/istio/install'),
  ]);
  using client = new KubeClient(accessOf(chooseContext(options)));
  const { context } = client;
  const [found, gatewayApi] = await Promise.all([detect(client), install.hasGatewayApi(client)]);
  const complete = found.istiod !== undefined && found.ztunnel !== undefined && found.cni !== undefined && gatewayApi;
  const at = { context, kubeconfig: options.kubeconfig };
  const steps = complete ? [] : install.installSteps(install.findTools(), at, found, gatewayApi);
  if (options.dryRun === true) {
    print(options.output, { context, steps }, () =>
      steps.length === 0
        ? `Context ${context} has everything; nothing would run.\n`
        : steps.map(({ what, command }) => `${command === undefined ? `# ${what}` : command.join(' ')}\n`).join(''),
    );
    return false;
  }
  if (steps.length > 0) await guardProduction(client, 'install Istio', options.yes);
  const line = progress(options.output);
  await install.runSteps(client, steps, { onLine: (text) => line.say(text), signal: interruptible() });
  line.done();
  return true;
}
