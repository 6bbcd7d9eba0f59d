import type { Container, ContainerStatus, Probe } from '../../api/resources';
import { timestamp } from '../store/deletion';
import { startContainer, type ContainerProcess, type Exit } from './container-process';
import type { ContainerPlan } from './container-script';
import { MissingObject } from './environment';
import type { LogWriter } from './log-file';
import { pause } from '../../pause';
import { watchProbe } from './probe';

const FIRST_BACK_OFF_MS = 500;
const LAST_BACK_OFF_MS = 30_000;
/** A container that ran this long starts over with the first back-off. */
const HEALTHY_MS = 60_000;

/** What a container needs from its pod. */
export interface ContainerHost {
  readonly netns: string;
  readonly ip: () => string;
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  readonly graceSeconds: number;
  /** Made anew for each start: environment and programs may have changed. Throws MissingObject. */
  prepare(container: Container): { plan: ContainerPlan; env: Record<string, string> };
  readonly log: LogWriter;
  changed(): void;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** One container of a pod through its restarts. */
export class PodContainer {
  ready = false;
  finished = false;
  #state: Record<string, unknown> = { waiting: { reason: 'ContainerCreating' } };
  #lastState: Record<string, unknown> = {};
  #process: ContainerProcess | undefined;
  readonly #stop = new AbortController();

  constructor(
    readonly spec: Container,
    private readonly podUid: string,
    private readonly host: ContainerHost,
    private restartCount: number,
  ) {}

  get status(): ContainerStatus {
    const { name, image = '' } = this.spec;
    const started = this.#process !== undefined;
    return {
      name,
      image,
      imageID: '',
      ...(this.#process && { containerID: `ambient://${this.podUid}/${name}/${this.restartCount}` }),
      ready: this.ready,
      started,
      restartCount: this.restartCount,
      state: this.#state,
      lastState: this.#lastState,
    };
  }

  /** Process id of the container's first process, seen from the supervisor. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Runs the container until it is not to be started again; never rejects. */
  async run(): Promise<void> {
    const signal = this.#stop.signal;
    let backOff = FIRST_BACK_OFF_MS;
    while (!signal.aborted) {
      const exit = await this.#once(signal);
      if (signal.aborted) break;
      if (exit !== undefined && !this.#restarts(exit)) break;
      const ranLong = exit !== undefined && exit.lived > HEALTHY_MS;
      backOff = ranLong ? FIRST_BACK_OFF_MS : backOff;
      if (exit !== undefined) {
        this.#lastState = this.#state;
        this.#state = {
          waiting: {
            reason: 'CrashLoopBackOff',
            message: `back-off ${backOff / 1000}s restarting failed container=${this.spec.name}`,
          },
        };
        this.host.event('Warning', 'BackOff', `Back-off restarting failed container ${this.spec.name}`);
        this.host.changed();
      }
      await pause(backOff, signal);
      backOff = Math.min(backOff * 2, LAST_BACK_OFF_MS);
      if (exit !== undefined) this.restartCount++;
    }
    // A container that was stopped is not finished: the next start of the mesh runs it again.
    this.finished = !signal.aborted;
    this.ready = false;
    this.host.changed();
  }

  /** Ends the container: SIGTERM, and SIGKILL after the grace period. Calling it again can shorten the wait. */
  async stop(graceSeconds: number): Promise<void> {
    this.#stop.abort();
    const running = this.#process;
    if (running === undefined) return;
    running.kill(graceSeconds > 0 ? 'SIGTERM' : 'SIGKILL');
    const timer = setTimeout(() => running.kill('SIGKILL'), graceSeconds * 1000);
    await running.exited;
    clearTimeout(timer);
  }

  #restarts({ code }: Exit): boolean {
    const { restartPolicy } = this.host;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
  }

  /** One start; undefined when the container could not be started. */
  async #once(signal: AbortSignal): Promise<(Exit & { lived: number }) | undefined> {
    const { host, spec } = this;
    let running: ContainerProcess;
    try {
      const { plan, env } = host.prepare(spec);
      running = await startContainer(host.netns, plan, env, (stream, chunk) => host.log.write(stream, chunk));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = error instanceof MissingObject ? 'CreateContainerConfigError' : 'CreateContainerError';
      this.#state = { waiting: { reason, message } };
      host.event('Warning', 'Failed', `Error: ${message}`);
      host.changed();
      return undefined;
    }
    this.#process = running;
    const startedAt = timestamp(running.startedAt.getTime());
    this.#state = { running: { startedAt } };
    host.event('Normal', 'Started', `Started container ${spec.name}`);
    if (signal.aborted) running.kill('SIGKILL');
    const ended = new AbortController();
    this.#probe(running, ended.signal);
    host.changed();
    const exit = await running.exited;
    ended.abort();
    host.log.flush();
    this.#process = undefined;
    this.ready = false;
    this.#state = {
      terminated: {
        exitCode: exit.code,
        reason: exit.code === 0 ? 'Completed' : 'Error',
        startedAt,
        finishedAt: timestamp(exit.at.getTime()),
      },
    };
    host.changed();
    return { ...exit, lived: exit.at.getTime() - running.startedAt.getTime() };
  }

  /** Starts the probes of a running container; without a readiness probe it is ready at once. */
  #probe(running: ContainerProcess, signal: AbortSignal): void {
    const { host, spec } = this;
    const { readinessProbe, livenessProbe } = spec;
    const watch = (probe: Probe, what: string, onChange: (healthy: boolean) => void): void =>
      void watchProbe(probe, spec, host.ip(), signal, (healthy, reason) => {
        if (!healthy) host.event('Warning', 'Unhealthy', `${what} probe failed: ${reason}`);
        onChange(healthy);
      });
    if (readinessProbe === undefined) this.ready = true;
    else {
      watch(readinessProbe, 'Readiness', (healthy) => {
        this.ready = healthy;
        host.changed();
      });
    }
    if (livenessProbe === undefined) return;
    watch(livenessProbe, 'Liveness', (healthy) => {
      if (healthy) return;
      host.event('Normal', 'Killing', `Container ${spec.name} failed liveness probe, will be restarted`);
      running.kill('SIGTERM');
      const timer = setTimeout(() => running.kill('SIGKILL'), host.graceSeconds * 1000);
      void running.exited.then(() => clearTimeout(timer));
    });
  }
}
