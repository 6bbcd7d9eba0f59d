import path from 'node:path';
import type { Engine, RedirectMode } from '../engine/engine';
import { engineOf, engineToStart, type EngineName } from '../engine/registry';
import { connect, type KubeClient } from '../kube/client';
import { setEnrollment } from '../kube/enrollment';
import { applyWaypoint } from '../kube/waypoints';
import { FlowFeed } from '../telemetry/flow-feed';
import { serveFlowPage } from '../telemetry/flow-page-server';
import { applyBookshop, BOOKSHOP, bookshopAvailable, readCounts, resetCounts, type RequestCounts } from './bookshop';
import { pageScript } from './flow-page';
import { MtlsShare } from './mtls-share';
import { interruptible, print, progress, type OutputFormat, type Progress } from './output';
import { stateFolder } from './mesh';

const START_TIMEOUT_MS = 60_000;

interface DemoCommand {
  output: OutputFormat;
  state?: string;
  engine: EngineName;
  port: number;
  pagePort: number;
  redirect: RedirectMode;
  timeout?: number;
  /** Seconds; undefined runs until interrupted. */
  for?: number;
}

/** What `demo --for N -o json` prints; see the design for the keys. */
interface DemoSummary {
  readyMs: number;
  memoryMiB: Record<string, number>;
  requests: RequestCounts;
  mtlsShare: number;
  edges: number;
  redirect: string;
  engine: string;
}

/**
 * `ambient demo`: a mesh of its own, made anew, with the bookshop enrolled, a waypoint, traffic and the flow page; ends
 * on Ctrl-C or after `--for` seconds and leaves nothing.
 */
export async function demo(options: DemoCommand): Promise<number> {
  const started = performance.now();
  const state = path.join(stateFolder(options.state), 'demo');
  const signal = interruptible();
  const line = progress(options.output);
  await (await engineOf(state)).down({ state, purge: true });
  const engine = await engineToStart(options.engine, state);
  try {
    const mesh = await engine.up({
      state,
      port: options.port,
      redirect: options.redirect,
      timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
      foreground: true,
      signal,
      onProgress: ({ stage, message }) => line.say(message === undefined ? stage : `${stage}: ${message}`),
    });
    const readyMs = Math.round(performance.now() - started);
    line.say(`the mesh is ready after ${(readyMs / 1000).toFixed(1)} s`);
    const client = await connect({ kubeconfig: mesh.kubeconfig });
    const died = mesh.ended?.then(() => false);
    const finished = show(client, engine, { ...options, state }, signal, line, readyMs).then(() => true);
    const orderly = await Promise.race(died === undefined ? [finished] : [finished, died]);
    client[Symbol.dispose]();
    if (!orderly && !signal.aborted) process.stderr.write('The mesh ended unexpectedly; see ambient logs.\n');
    return orderly || signal.aborted ? 0 : 3;
  } catch (error) {
    if (signal.aborted) return 130;
    throw error;
  } finally {
    await engine.down({ state, purge: true });
    line.done();
  }
}

async function show(
  client: KubeClient,
  engine: Engine,
  options: DemoCommand & { state: string },
  signal: AbortSignal,
  line: Progress,
  readyMs: number,
): Promise<void> {
  line.say('starting the bookshop ...');
  await applyBookshop(client);
  const waypoint = applyWaypoint(client, { namespace: BOOKSHOP, timeoutMs: START_TIMEOUT_MS, signal });
  await Promise.all([waypoint, bookshopAvailable(client, START_TIMEOUT_MS, signal)]);
  line.say('enrolling namespace bookshop, without restarting a pod ...');
  await setEnrollment(client, BOOKSHOP, true, { timeoutMs: START_TIMEOUT_MS, signal });

  const feed = new FlowFeed(client);
  const share = new MtlsShare(BOOKSHOP);
  feed.onRecord((record) => share.add(record));
  await feed.ready();
  await resetCounts(client);
  const page =
    options.for === undefined || options.output === 'text'
      ? await serveFlowPage(feed, pageScript, options.pagePort)
      : undefined;
  line.done();
  if (page !== undefined && options.output === 'text') process.stdout.write(story(page.url, options.state));
  await pause(options.for, signal);

  if (options.for !== undefined && !signal.aborted) {
    const summary = await summarize(client, engine, feed, share, readyMs, options.state);
    print(options.output, summary, text);
  }
  page?.close();
  await feed[Symbol.asyncDispose]();
}

function story(url: string, state: string): string {
  return `
The bookshop runs in ambient mode. Open the traffic flow:

    ${url}

  - storefront, cart and payments talk over mTLS, through ztunnel alone
  - reviews and catalog are behind the waypoint, which splits reviews 90 to 10
  - snooper is denied by bookshop/payments-from-cart, at L4
  - visitors may read reviews; their DELETE is denied by bookshop/reviews-readers, at L7

Look around in another terminal:  export KUBECONFIG=${path.join(state, 'kubeconfig')}
Ctrl-C ends it and leaves nothing behind.
`;
}

async function summarize(
  client: KubeClient,
  engine: Engine,
  feed: FlowFeed,
  share: MtlsShare,
  readyMs: number,
  state: string,
): Promise<DemoSummary> {
  const [requests, status] = [await readCounts(client), await engine.status({ state })];
  const nameOf = (name: string): string => (name.endsWith('/waypoint') ? 'waypoint' : name.replace(`${BOOKSHOP}/`, ''));
  return {
    readyMs,
    memoryMiB: Object.fromEntries(
      status.components.map(({ name, memoryMiB }) => [nameOf(name), Math.round(memoryMiB * 10) / 10]),
    ),
    requests,
    mtlsShare: share.share,
    edges: feed.graph.at(Date.now()).edges.length,
    redirect: status.nodes[0]?.redirect ?? 'unknown',
    engine: engine.name,
  };
}

function text(summary: DemoSummary): string {
  const { allowed, deniedL4, deniedL7, failed } = summary.requests;
  return `ready after ${summary.readyMs} ms by ${summary.redirect}; ${allowed} requests allowed, ${deniedL4} denied at L4, ${deniedL7} at L7, ${failed} failed; mTLS ${(summary.mtlsShare * 100).toFixed(1)} %; ${summary.edges} flows\n`;
}

function pause(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
