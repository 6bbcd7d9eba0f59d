/** The parts of an Istio VirtualService that can be said in other words (networking.istio.io/v1, HTTPRoute). */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface HttpMatchRequest {
  readonly uri?: StringMatch;
  readonly method?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  readonly [other: string]: unknown;
}

export interface HeaderOperations {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface Headers {
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
}

export interface HttpDestination {
  readonly destination?: {
    readonly host: string;
    readonly subset?: string;
    readonly port?: { readonly number?: number };
  };
  readonly weight?: number;
  readonly headers?: Headers;
}

export interface VirtualServiceHttp {
  readonly name?: string;
  readonly match?: readonly HttpMatchRequest[];
  readonly route?: readonly HttpDestination[];
  readonly redirect?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly scheme?: string;
    readonly port?: number;
    readonly redirectCode?: number;
    readonly [other: string]: unknown;
  };
  readonly rewrite?: { readonly uri?: string; readonly authority?: string; readonly [other: string]: unknown };
  readonly headers?: Headers;
  readonly timeout?: string;
  readonly [other: string]: unknown;
}

export interface VirtualServiceSpec {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly exportTo?: readonly string[];
  readonly http?: readonly VirtualServiceHttp[];
  readonly tls?: readonly unknown[];
  readonly tcp?: readonly unknown[];
}
