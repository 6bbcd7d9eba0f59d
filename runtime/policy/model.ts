/**
 * L4 authorization as ztunnel evaluates it (protocol reference 1.5, 5.4): rules are OR-ed, clauses of a rule AND-ed,
 * matches of a clause OR-ed. The same shape crosses xDS, stands in /config_dump and is what the editor explains.
 */
export interface Authorization {
  readonly name: string;
  readonly namespace: string;
  readonly scope: 'GLOBAL' | 'NAMESPACE' | 'WORKLOAD_SELECTOR';
  readonly action: 'ALLOW' | 'DENY';
  readonly rules: readonly Rule[];
  readonly dryRun: boolean;
}

export interface Rule {
  readonly clauses: readonly Clause[];
  /** Index in the written policy's `spec.rules`; lost on the wire (ztunnel then counts its own). */
  readonly source?: number;
}

export interface Clause {
  readonly matches: readonly Match[];
}

/** All non-empty fields must hold; a match without any is skipped and never holds. */
export interface Match {
  readonly namespaces?: readonly StringMatch[];
  readonly notNamespaces?: readonly StringMatch[];
  readonly serviceAccounts?: readonly ServiceAccountMatch[];
  readonly notServiceAccounts?: readonly ServiceAccountMatch[];
  readonly principals?: readonly StringMatch[];
  readonly notPrincipals?: readonly StringMatch[];
  readonly sourceIps?: readonly Cidr[];
  readonly notSourceIps?: readonly Cidr[];
  readonly destinationIps?: readonly Cidr[];
  readonly notDestinationIps?: readonly Cidr[];
  readonly destinationPorts?: readonly number[];
  readonly notDestinationPorts?: readonly number[];
}

export type StringMatch =
  { readonly exact: string } | { readonly prefix: string } | { readonly suffix: string } | { readonly presence: true };

export interface ServiceAccountMatch {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Network-order bytes (4 or 16) and prefix length. */
export interface Cidr {
  readonly address: Uint8Array;
  readonly length: number;
}

/** What is known of a connection when it is judged. */
export interface ConnectionFacts {
  /** SPIFFE id proven by mTLS, `spiffe://td/ns/x/sa/y`; undefined for plaintext. */
  readonly identity: string | undefined;
  readonly sourceIp: string;
  readonly destinationIp: string;
  /** Port of the pod, after target-port resolution. */
  readonly destinationPort: number;
}

/** What a waypoint additionally knows of an HTTP request. `destinationPort` is there the port of the service. */
export interface RequestFacts extends ConnectionFacts {
  readonly method: string;
  /** Path without query, as normalised by the proxy. */
  readonly path: string;
  readonly host: string;
  /** Lower-case names; a repeated header's values joined with `,`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The outcome of judging one connection or request. */
export interface Decision {
  readonly verdict: 'allow' | 'deny';
  /**
   * `<namespace>/<name>` of the policy that decided; when ALLOW policies exist and none allowed, all of these, joined by
   * `, `; absent when allowed by default.
   */
  readonly policy?: string;
  /** Index in `rules` of the deciding policy. */
  readonly rule?: number;
  /** Upstream's words: `explicitly denied by: ns/name`, `allow policies exist, but none allowed`, or `allowed by …`. */
  readonly reason: string;
}
