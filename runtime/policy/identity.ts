const SCHEME = 'spiffe://';

/** A SPIFFE identity as policies see it. */
export interface Identity {
  /** Without `spiffe://`: `td/ns/x/sa/y`, what `principals` are compared with. */
  readonly principal: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * Takes `spiffe://td/ns/x/sa/y` apart.
 *
 * @returns undefined for no identity or one of another shape: policies then see an unauthenticated peer
 */
export function parseIdentity(identity: string | undefined): Identity | undefined {
  if (identity === undefined || !identity.startsWith(SCHEME)) return undefined;
  const principal = identity.slice(SCHEME.length);
  const [trustDomain, ns, namespace, sa, serviceAccount, ...rest] = principal.split('/');
  if (!trustDomain || ns !== 'ns' || !namespace || sa !== 'sa' || !serviceAccount || rest.length > 0) return undefined;
  return { principal, namespace, serviceAccount };
}
