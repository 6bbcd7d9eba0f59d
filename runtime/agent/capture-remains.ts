import { reasonOf } from '../errors';
import { log } from '../telemetry/log';
import { carriesConnections, type PodCapture } from './pod-capture';

const logger = log('enroll');
const POLL_MS = 1_000;

/** Namespaces of released pods, whose connections still need what capture has set up there. */
export class CaptureRemains {
  readonly #namespaces = new Set<string>();
  /** What is being taken away now, by namespace. */
  readonly #removals = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly capture: PodCapture) {}

  /** The namespace is to be captured again; resolves when nothing of it is being taken away any more. */
  async keep(netns: string): Promise<void> {
    this.#namespaces.delete(netns);
    await this.#removals.get(netns);
  }

  /** Takes capture's remains away once ztunnel carries nothing of the pod any more. */
  removeLater(netns: string): void {
    this.#namespaces.add(netns);
    this.#timer ??= setInterval(() => this.#look(), POLL_MS).unref();
    this.#look();
  }

  #look(): void {
    for (const netns of this.#namespaces) {
      if (carriesConnections(netns)) continue;
      this.#namespaces.delete(netns);
      const removal = this.capture
        .dismantle(netns)
        .catch((error: unknown) => logger.warn('capture was not removed', { netns, error: reasonOf(error) }))
        .finally(() => this.#removals.delete(netns));
      this.#removals.set(netns, removal);
    }
    if (this.#namespaces.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
