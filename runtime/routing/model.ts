/** The routes of one service, ready to be matched: entries in order of precedence. */
export interface RouteTable {
  readonly service: { readonly namespace: string; readonly name: string };
  /** Without entries for its port, a request goes to the service itself. */
  readonly entries: readonly RouteEntry[];
}

/** One match of one rule of one HTTPRoute. */
export interface RouteEntry {
  /** `<namespace>/<name>` of the HTTPRoute. */
  readonly route: string;
  /** Index in `spec.rules`. */
  readonly rule: number;
  /** Only for this port of the service; undefined for all. */
  readonly port: number | undefined;
  /** A route of another namespace than the service's holds only for clients of the route's namespace. */
  readonly consumer: string | undefined;
  readonly path: PathMatch;
  readonly method: string | undefined;
  /** Names in lower case. */
  readonly headers: readonly TextMatch[];
  readonly query: readonly TextMatch[];
  readonly action: RouteAction;
}

export type PathMatch =
  | { readonly exact: string }
  /** Without the trailing slash; `` for `/`. */
  | { readonly prefix: string }
  | { readonly matches: (path: string) => boolean; readonly length: number };

export interface TextMatch {
  readonly name: string;
  /** Given the value found. */
  readonly test: (value: string) => boolean;
}

export interface RouteAction {
  readonly backends: readonly Backend[];
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
  readonly redirect?: Redirect;
  readonly rewrite?: Rewrite;
  /** Milliseconds; absent for no limit. */
  readonly timeout?: number;
  /** Set when a filter cannot be honoured: every request that matches is answered with 500. */
  readonly refused?: string;
}

export interface Backend {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly weight: number;
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
  /** Set when the reference cannot be honoured: its share of the requests is answered with 500. */
  readonly refused?: string;
}

/** Names in lower case. Applied in the order set, add, remove. */
export interface HeaderChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export type PathChange = { readonly full: string } | { readonly prefix: string };

export interface Redirect {
  readonly status: number;
  readonly scheme?: string;
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathChange;
}

export interface Rewrite {
  readonly hostname?: string;
  readonly path?: PathChange;
}

/** What is understood wrongly or not at all in a route. */
export interface RouteProblem {
  /** `HTTPRoute <namespace>/<name>` */
  readonly object: string;
  /** e.g. `spec.rules[0].filters[1]` */
  readonly path: string;
  readonly message: string;
}

export interface RouteRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The Host header or `:authority`. */
  readonly host: string;
  /** Port of the service. */
  readonly port: number;
  /** Namespace of the client, from its identity. */
  readonly sourceNamespace?: string;
}

export type RouteMatch =
  | {
      readonly kind: 'backend';
      readonly namespace: string;
      readonly name: string;
      readonly port: number;
      /** `<namespace>/<name>` of the HTTPRoute, and the index of its rule. */
      readonly route: string;
      readonly rule: number;
      readonly requestHeaders: readonly HeaderChanges[];
      readonly responseHeaders: readonly HeaderChanges[];
      /** Path to send, without query, when the route rewrites it. */
      readonly path?: string;
      /** Host to send, when the route rewrites it. */
      readonly host?: string;
      /** Milliseconds. */
      readonly timeout?: number;
    }
  | {
      readonly kind: 'redirect';
      readonly status: number;
      readonly location: string;
      readonly route: string;
      readonly rule: number;
      readonly responseHeaders: readonly HeaderChanges[];
    }
  /** Answer with this status: 404 when nothing matched, 500 when the route cannot be honoured. */
  | {
      readonly kind: 'no-route';
      readonly status: 404 | 500;
      readonly reason: string;
      readonly route?: string;
      readonly rule?: number;
    }
  /** No route is attached: the service itself. */
  | { readonly kind: 'default' };
