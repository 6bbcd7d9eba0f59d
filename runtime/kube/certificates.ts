/** A workload's certificate as its ztunnel tells it; no key is in it. */
export interface WorkloadCertificate {
  /** SPIFFE id. */
  readonly identity: string;
  /** `Available`, `Initializing`, or `Unavailable: <reason>`. */
  readonly state: string;
  /** When it, or an intermediate above it, ends, as a time of `Date.now()`; only of what is available. */
  readonly expires?: number;
}

interface Dump {
  certificates?: { identity: string; state: string; certChain?: { expirationTime: string }[] }[];
}

const HOUR_MS = 3_600_000;
/** Until then hours are told, later days. */
const MOST_HOURS = 48;

/** Reads the certificates of ztunnel's `/config_dump`, upstream's or ours. Throws for what is no JSON. */
export function readCertificates(dump: string): WorkloadCertificate[] {
  return ((JSON.parse(dump) as Dump).certificates ?? []).map(({ identity, state, certChain = [] }) => {
    const ends = certChain.map(({ expirationTime }) => Date.parse(expirationTime));
    return { identity, state, ...(ends.length === 0 ? {} : { expires: Math.min(...ends) }) };
  });
}

/** What the certificates that ztunnels hold come to. */
export interface CertificateSummary {
  /** Certificates; an identity that runs on two nodes has two. */
  readonly held: number;
  readonly available: number;
  /** When the first of them ends, ISO 8601; absent while none is available. */
  readonly firstExpires?: string;
  /** Identities without one, with the reason. */
  readonly unavailable: readonly string[];
  /** ztunnels that did not tell, with the reason. */
  readonly unread: readonly string[];
}

/** @param unread ztunnels that did not tell, with the reason */
export function summarizeCertificates(
  certificates: readonly WorkloadCertificate[],
  unread: readonly string[] = [],
): CertificateSummary {
  const ends = certificates.flatMap(({ expires }) => expires ?? []);
  return {
    held: certificates.length,
    available: certificates.filter(({ state }) => state === 'Available').length,
    ...(ends.length > 0 && { firstExpires: new Date(Math.min(...ends)).toISOString() }),
    unavailable: certificates
      .filter(({ state }) => state.startsWith('Unavailable'))
      .map(({ identity, state }) => `${identity} (${state})`),
    unread,
  };
}

/** `9 of workloads, the first expires in 23 h`, and what is wrong with which of them. */
export function summaryWords(
  { held, available, firstExpires, unavailable, unread }: CertificateSummary,
  now: number,
): string {
  const first = firstExpires === undefined ? '' : `, the first ${expiryWords(Date.parse(firstExpires), now)}`;
  const some = available === held ? '' : `, ${available} available`;
  const wrong = [...unavailable, ...unread.map((reason) => `not read: ${reason}`)];
  return [`${held} of workloads${some}${first}`, ...wrong].join('; ');
}

/** `expires in 23 h`, in the unit that tells enough. */
export function expiryWords(expires: number, now: number): string {
  const left = expires - now;
  if (left <= 0) return 'expired';
  const hours = Math.floor(left / HOUR_MS);
  if (hours === 0) return `expires in ${Math.ceil((left / HOUR_MS) * 60)} min`;
  return hours <= MOST_HOURS ? `expires in ${hours} h` : `expires in ${Math.floor(hours / 24)} days`;
}
