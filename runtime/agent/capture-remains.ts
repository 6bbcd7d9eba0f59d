import { reasonOf } from '../errors';
import { log } from '../telemetry/log';
import { carriesConnections, type PodCapture } from './pod-capture';

const logger = log('enroll');
const POLL_MS = 1_000;

/** Namespaces of released pods, whose connections still need what capture has set up there. */
export class CaptureRemains {
  readonly #namespaces = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly capture: PodCapture) {}

  /** The namespace is captured again. */
  keep(netns: string): void {
    this.#namespaces.delete(netns);
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
      this.capture
        .dismantle(netns)
        .catch((error: unknown) => logger.warn('capture was not removed', { netns, error: reasonOf(error) }));
    }
    if (this.#namespaces.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
