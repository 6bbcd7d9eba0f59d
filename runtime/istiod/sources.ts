import { KIND } from '../api/kinds';
import { GATEWAY_MANAGED } from '../api/labels';
import { reasonOf } from '../errors';
import { ApiError, type KubeClient } from '../kube/client';
import { Watch, type Change } from '../kube/watch';
import { log } from '../telemetry/log';
import { ROOT_CONFIG_LABEL } from './ca/root-distribution';
import { MANAGED_WAYPOINT } from './index/waypoint-attachment';
import { OPTIONAL_KINDS, WATCHED_KINDS, type MeshObjects, type WatchedKind, type WatchedKinds } from './mesh-objects';

const logger = log('watch');

const SELECTORS: { readonly [K in WatchedKind]?: string } = {
  ConfigMap: `${ROOT_CONFIG_LABEL}=true`,
  Deployment: `${GATEWAY_MANAGED}=${MANAGED_WAYPOINT}`,
};

export type OnChange = <K extends WatchedKind>(kind: K, change: Change<WatchedKinds[K]>) => void;

/** Watches of all kinds that istiod reads. */
export class Sources {
  readonly objects: MeshObjects;
  /** Resolves when every kind was listed, or is known not to be there. */
  readonly ready: Promise<void>;
  readonly #watches: readonly Watch<WatchedKinds[WatchedKind]>[];

  constructor(client: KubeClient, onChange: OnChange) {
    const ready: Promise<void>[] = [];
    const watches = WATCHED_KINDS.map((kind) => {
      let absent: () => void = () => {};
      const watch = new Watch<WatchedKinds[typeof kind]>(client, KIND[kind], (change) => onChange(kind, change), {
        labelSelector: SELECTORS[kind],
        onError: (error) => {
          if (OPTIONAL_KINDS.includes(kind) && ApiError.is(error, 404)) return absent();
          logger.warn('watch interrupted', { kind, error: reasonOf(error) });
        },
      });
      ready.push(Promise.race([watch.ready, new Promise<void>((resolve) => (absent = resolve))]));
      return [kind, watch] as const;
    });
    this.#watches = watches.map(([, watch]) => watch);
    this.objects = Object.fromEntries(watches.map(([kind, watch]) => [kind, watch.objects])) as unknown as MeshObjects;
    this.ready = Promise.all(ready).then(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch[Symbol.asyncDispose]()));
  }
}
