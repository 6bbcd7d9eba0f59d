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

/** `expires in 23 h`, in the unit that tells enough. */
export function expiryWords(expires: number, now: number): string {
  const left = expires - now;
  if (left <= 0) return 'expired';
  const hours = Math.floor(left / HOUR_MS);
  if (hours === 0) return `expires in ${Math.ceil((left / HOUR_MS) * 60)} min`;
  return hours <= MOST_HOURS ? `expires in ${hours} h` : `expires in ${Math.floor(hours / 24)} days`;
}
