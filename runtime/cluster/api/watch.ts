import type { ServerResponse } from 'node:http';
import { apiVersionOf } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import type { Selector } from '../store/selectors';
import { expired } from '../store/status-error';
import type { Store, StoreEvent } from '../store/store';
import type { Presenter } from './present';
import { count, flag } from './request-info';
import type { ServedKind } from './served-kind';

const BOOKMARK_MS = 30_000;
const DEFAULT_TIMEOUT_SECONDS = 1800;
/** A reader that is this far behind is cut off: it comes back and goes on from what it saw. */
const BACKLOG_BYTES = 16 * 1024 * 1024;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export interface WatchRequest {
  readonly store: Store;
  readonly kind: ServedKind;
  readonly namespace: string | undefined;
  readonly selector: Selector | undefined;
  readonly query: URLSearchParams;
  readonly presenter: Presenter;
  readonly contentType: string;
}

/**
 * Streams changes as newline-delimited JSON until the timeout or until the client leaves. Without resourceVersion (or
 * with 0, or with sendInitialEvents) it begins with every object as ADDED; one that reaches back too far gets an ERROR
 * event with a 410 Status.
 */
export function serveWatch(response: ServerResponse, request: WatchRequest): void {
  const { store, kind, namespace, selector, query, presenter } = request;
  const selects = (object: KubeObject): boolean =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (selector === undefined || selector(object));
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const send = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
    if (response.writableLength > BACKLOG_BYTES) response.destroy();
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    const metadata = { resourceVersion: String(store.resourceVersion), creationTimestamp: null, annotations };
    send('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
  };
  const onEvent = (event: StoreEvent): void => {
    const change = changeFor(event, selects);
    if (change !== undefined) send(change.type, presenter.one(change.object));
  };

  response.writeHead(200, { 'content-type': request.contentType, 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  response.socket?.setNoDelay(true);

  const from = Number(query.get('resourceVersion') ?? '0');
  const wantsInitial = flag(query, 'sendInitialEvents');
  if (from === 0 || wantsInitial) {
    for (const object of store.list(kind, namespace, selector)) send('ADDED', presenter.one(object));
    if (wantsInitial && bookmarks) bookmark({ [INITIAL_EVENTS_END]: 'true' });
  } else {
    const missed = from > store.resourceVersion ? undefined : store.since(kind, from);
    if (missed === undefined) {
      send('ERROR', expired(`too old resource version: ${from} (${store.resourceVersion})`).toStatus());
      response.end();
      return;
    }
    for (const event of missed) onEvent(event);
  }

  const subscription = store.watch(kind, onEvent);
  const ticking = bookmarks ? setInterval(() => bookmark(), BOOKMARK_MS) : undefined;
  const seconds = count(query, 'timeoutSeconds') || DEFAULT_TIMEOUT_SECONDS * (1 + Math.random());
  const ending = setTimeout(
    () => {
      if (bookmarks) bookmark();
      response.end();
    },
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  response.once('close', () => {
    subscription[Symbol.dispose]();
    clearInterval(ticking);
    clearTimeout(ending);
  });
}

/** An object that comes to be selected is added for this reader, one that ceases to be is deleted. */
function changeFor(
  { type, object, previous, resourceVersion }: StoreEvent,
  selects: (object: KubeObject) => boolean,
): { type: string; object: KubeObject } | undefined {
  const before = previous !== undefined && selects(previous);
  if (type === 'DELETED') return before ? { type, object } : undefined;
  const now = selects(object);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object };
  if (!before) return undefined;
  const metadata = { ...previous.metadata, resourceVersion: String(resourceVersion) };
  return { type: 'DELETED', object: { ...previous, metadata } };
}
