import { Command, InvalidArgumentError, Option } from 'commander';
import { ENGINES } from '../engine/registry';
import { MeshError } from '../errors';
import { fail, type OutputFormat } from './output';
import { rerunOnOwnNode } from './own-node';

/** What a subcommand returns: its exit code, 0 when nothing. */
type Action<O> = (options: O, ...args: string[]) => Promise<number | void>;

const redirects = ['auto', 'ebpf', 'nftables'] as const;

function program(): Command {
  const root = new Command('ambient')
    .description("A local dev mesh for Istio's ambient mode.")
    .version(process.env['AMBIENT_VERSION'] ?? '0.1.0')
    .configureOutput({ outputError: () => {} })
    .exitOverride((error) => {
      // Help where a command is missing has been written, to standard error.
      throw error.exitCode === 0 || error.code === 'commander.help'
        ? error
        : new MeshError('AMB_ERR_USAGE', {
            problem: error.message.replace(/^error: /, ''),
            remedy: 'See ambient --help.',
          });
    });

  const output = new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text');
  const state = new Option('--state <folder>', 'state folder (default: AMBIENT_STATE, else ~/.local/state/ambient)');
  const cluster = (command: Command): Command =>
    command
      .addOption(state)
      .option('--kubeconfig <file>', 'use this kubeconfig instead of the running mesh')
      .option('--context <name>', 'context of the kubeconfig');
  const namespace = new Option('-n, --namespace <namespace>', 'namespace').makeOptionMandatory();
  const yes = new Option('--yes', 'write to a cluster that looks like production without asking');
  const source = new Option('--source <kind>', "our proxies' flow stream, or counters and logs as upstream has them")
    .choices(['auto', 'stream', 'metrics'])
    .default('auto');
  const start = (command: Command, engines: readonly string[]): Command =>
    command
      .addOption(new Option('--engine <engine>', 'where the mesh runs').choices(engines).default('auto'))
      .addOption(new Option('--redirect <mode>', 'how traffic is captured').choices(redirects).default('auto'))
      .option('--port <port>', 'port of the Kubernetes API on 127.0.0.1; 0 picks a free one', port, 0)
      .option('--timeout <seconds>', 'how long to wait until it is ready (default: 60, for kind 300)', seconds)
      .addOption(state);

  start(root.command('up').description('start the mesh, or attach to a cluster with Istio').addOption(output), ENGINES)
    .option('--context <name>', 'istio: context of the cluster to attach to (default: the current one)')
    .option('--kubeconfig <file>', 'istio: kubeconfig that has the context')
    .option('--install', 'istio: install what is missing of Istio ambient, by istioctl or Helm')
    .option('--dry-run', 'istio: with --install, print what would run')
    .addOption(yes)
    .option('--nodes <number>', 'kind: how many nodes a new cluster has (default: 1)', positive)
    .option('--cluster <name>', 'kind: name of the cluster (default: AMBIENT_KIND_CLUSTER, else ambient)')
    .option('--adopt', 'kind: put the mesh into a cluster that you made; down takes it out and leaves the cluster')
    .option('--merge-kubeconfig', 'kind: add the cluster to your own kubeconfig too')
    .option('--install-kind', 'kind: install the kind program for yourself where it is missing, without asking')
    .action(run(async (options) => (await import('./up')).up(options as never)));
  root
    .command('down')
    .description('stop the mesh; its objects stay for the next up')
    .addOption(state)
    .addOption(output)
    .option('--purge', 'remove the stored objects too')
    .action(run(async (options) => (await import('./down')).down(options as never)));
  root
    .command('status')
    .description('show the mesh, its components and namespaces')
    .addOption(state)
    .addOption(output)
    .option('--certificates', "count workloads' certificates too, with the first expiry: asks every ztunnel")
    .action(run(async (options) => (await import('./status')).status(options as never)));
  root
    .command('kubeconfig')
    .description("print the path of the mesh's kubeconfig, e.g. export KUBECONFIG=$(ambient kubeconfig)")
    .addOption(state)
    .addOption(output)
    .option('--raw', 'print the file itself')
    .action(run(async (options) => (await import('./kubeconfig')).kubeconfig(options as never)));
  cluster(
    root
      .command('logs')
      .description('show a component: supervisor, istiod, agent, ztunnel, or NAMESPACE/POD')
      .argument('[component]', 'component', 'supervisor')
      .addOption(output),
  )
    .option('-f, --follow', 'go on as it grows')
    .option('--tail <lines>', 'start with the last lines', integer, 200)
    .action(
      run(async (options, component = 'supervisor') => (await import('./logs')).logs(options as never, component)),
    );

  for (const enrolled of [true, false]) {
    const verb = enrolled ? 'enroll' : 'unenroll';
    const what = enrolled
      ? 'put a namespace into ambient mode, without restarting a pod'
      : 'take a namespace out of ambient mode';
    cluster(root.command(verb).description(what).argument('<namespace>').addOption(output))
      .option('--timeout <seconds>', 'how long to wait for its pods', seconds, 30)
      .addOption(yes)
      .action(run(async (options, name = '') => (await import('./enroll')).enroll(options as never, name, enrolled)));
  }

  const waypoint = root.command('waypoint').description('deploy and look at waypoints');
  cluster(
    waypoint
      .command('apply')
      .description('deploy a waypoint and wait until it is programmed')
      .addOption(namespace)
      .addOption(output),
  )
    .option('--name <name>', 'name of the waypoint', 'waypoint')
    .addOption(new Option('--for <traffic>', 'traffic that it takes').choices(['service', 'workload', 'all', 'none']))
    .option('--enroll-namespace', 'send the whole namespace through it')
    .option('--service <service>', 'send one service through it')
    .option('--timeout <seconds>', 'how long to wait', seconds, 90)
    .addOption(yes)
    .action(run(async (options) => (await import('./waypoint')).applyWaypointCommand(options as never)));
  cluster(
    waypoint
      .command('delete')
      .description('remove a waypoint; traffic goes direct')
      .addOption(namespace)
      .addOption(output),
  )
    .option('--name <name>', 'name of the waypoint', 'waypoint')
    .addOption(yes)
    .action(run(async (options) => (await import('./waypoint')).deleteWaypointCommand(options as never)));
  for (const verb of ['list', 'status'] as const) {
    const what = verb === 'list' ? 'list waypoints' : 'show whether waypoints are programmed, and why not';
    cluster(waypoint.command(verb).description(what).addOption(output))
      .option('-n, --namespace <namespace>', 'namespace (default: all)')
      .action(run(async (options) => (await import('./waypoint')).listWaypointsCommand(options as never, verb)));
  }

  cluster(
    root
      .command('analyze')
      .description('judge manifests as ztunnel and waypoints will take them; needs no mesh')
      .argument('[path...]', 'files and folders; - is standard input', ['.']),
  )
    .option('--live', 'judge them against the running mesh, too')
    .option('--fix', 'apply the fixes that have one right answer')
    .option(
      '--istio-version <version>',
      'version of Istio whose definitions count, e.g. 1.30 (default: the newest known)',
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 from this severity on')
        .choices(['error', 'warning', 'info', 'hint'])
        .default('error'),
    )
    .addOption(
      new Option('-o, --output <format>', 'output format').choices(['text', 'json', 'sarif', 'github']).default('text'),
    )
    .action(
      run(async (options, ...paths) => (await import('./analyze')).analyzeCommand(options as never, paths.flat())),
    );

  cluster(
    root
      .command('explain')
      .description('tell who enforces a policy, route, workload or Service, and on which identity')
      .argument('<what>', 'FILE, -, or KIND/NAME, e.g. AuthorizationPolicy/readers')
      .option('-n, --namespace <namespace>', 'namespace of KIND/NAME (default: any)')
      .option('--path <path...>', 'files and folders that tell of the rest (default: those around, or the mesh)')
      .option('--live', 'ask the running mesh, too; by default when one runs')
      .option('--no-live', 'by files alone')
      .addOption(output),
  ).action(run(async (options, what = '') => (await import('./explain')).explainCommand(options as never, what)));

  root
    .command('lsp')
    .description('serve an editor over stdio with the Language Server Protocol')
    .addOption(state)
    .option('--kubeconfig <file>', 'complete values of this cluster instead of the running mesh')
    .option('--stdio', 'as many editors write; it is so anyway')
    .action(run(async (options) => (await import('./lsp')).lsp(options as never)));

  cluster(
    root
      .command('doctor')
      .description('check this machine, and the cluster that a mesh runs in; exit code 1 when something fails')
      .addOption(output)
      .addOption(new Option('--engine <engine>', 'checks for this engine alone').choices(ENGINES).default('auto')),
  )
    .option('--unproven', 'also list what no test has proven, as a checklist')
    .action(run(async (options) => (await import('./doctor')).doctor(options as never)));
  cluster(root.command('flows').description("show the mesh's traffic"))
    .addOption(
      new Option('-o, --output <format>', 'output format').choices(['table', 'json', 'mermaid']).default('table'),
    )
    .option('--follow', 'one graph a second until interrupted')
    .addOption(source)
    .option('--for <seconds>', 'how long to watch before printing', seconds, 5)
    .action(run(async (options) => (await import('./flows')).flows(options as never)));
  cluster(
    root.command('flow-page').description('serve the live diagram to a browser on this machine').addOption(output),
  )
    .option('--page-port <port>', 'port on 127.0.0.1; 0 picks a free one', port, 0)
    .addOption(source)
    .action(run(async (options) => (await import('./flow-page')).flowPage(options as never)));
  start(
    root
      .command('demo')
      .description('everything at once: mesh, bookshop, enrolment, waypoint, traffic, flow page')
      .addOption(output),
    ['auto', 'embedded', 'container'],
  )
    .option('--for <seconds>', 'end by itself after so long, with a summary', seconds)
    .option('--page-port <port>', 'port of the flow page on 127.0.0.1; 0 picks a free one', port, 0)
    .action(run(async (options) => (await import('./demo')).demo(options as never)));
  return root;
}

/** Wraps an action: its result is the exit code, its error is told with the remedy. */
function run(action: Action<Record<string, unknown>>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const positional = args.slice(0, -2) as string[];
    const options = command.opts<{ output?: string }>();
    const format: OutputFormat = options.output === 'json' ? 'json' : 'text';
    try {
      process.exitCode = (await action(options, ...positional)) ?? 0;
    } catch (error) {
      process.exitCode = fail(error, format);
    }
  };
}

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

function positive(text: string): number {
  const value = integer(text);
  if (value === 0) throw new InvalidArgumentError('Give a number from 1.');
  return value;
}

function port(text: string): number {
  const value = integer(text);
  if (value > 65_535) throw new InvalidArgumentError('Ports go from 0 to 65535.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text.replace(/s$/, ''));
  if (!(value > 0)) throw new InvalidArgumentError('Give a number of seconds, e.g. 30.');
  return value;
}

async function main(): Promise<void> {
  const rerun = await rerunOnOwnNode();
  if (rerun !== undefined) return void (process.exitCode = rerun);
  try {
    await program().parseAsync();
  } catch (error) {
    if (MeshError.is(error)) process.exitCode = fail(error, process.argv.includes('json') ? 'json' : 'text');
    else if ((error as { code?: string }).code === 'commander.help') process.exitCode = 2;
    else if ((error as { exitCode?: number }).exitCode !== 0) process.exitCode = fail(error, 'text');
  }
}

void main();
