import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Pki } from '../auth/pki';
import type { ServiceAccountTokens } from '../auth/tokens';
import type { User } from '../auth/user';
import type { Store } from '../store/store';
import type { KubeletHooks } from './kubelet-hooks';
import type { Registry } from './registry';
import type { RequestInfo } from './request-info';
import type { ServedKind } from './served-kind';

/** What every handler works with. */
export interface Api {
  readonly store: Store;
  readonly pki: Pki;
  readonly tokens: ServiceAccountTokens;
  readonly registry: Registry;
  readonly kubelet: KubeletHooks | undefined;
  /** Documents of our own, by path; for administrators. */
  readonly documents: ReadonlyMap<string, () => unknown>;
}

/** An authenticated and authorised request. */
export interface Call {
  readonly api: Api;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly user: User;
}

/** A call that names a served kind. */
export interface ResourceCall extends Call {
  readonly kind: ServedKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}
