import type { X509Certificate } from 'node:crypto';

/** The parts of `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const form = /^spiffe:\/\/([a-zA-Z0-9._-]+)\/ns\/([a-zA-Z0-9._-]+)\/sa\/([a-zA-Z0-9._-]+)$/;

/** Splits an Istio SPIFFE id; undefined for anything that is not exactly of that form (protocol reference 2.2). */
export function parseSpiffe(id: string): SpiffeId | undefined {
  const found = form.exec(id);
  if (found === null) return undefined;
  const [, trustDomain = '', namespace = '', serviceAccount = ''] = found;
  return { trustDomain, namespace, serviceAccount };
}

/** Writes an Istio SPIFFE id. */
export function formatSpiffe({ trustDomain, namespace, serviceAccount }: SpiffeId): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/**
 * The URI names of a subjectAltName as Node prints it. Node quotes (as JSON) every value that could be mistaken for
 * a list, so a plain split on `, ` outside quotes is exact.
 */
export function uriNames(subjectAltName: string | undefined): string[] {
  if (subjectAltName === undefined) return [];
  const entries = subjectAltName.match(/[^:,]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return entries.flatMap((entry) => {
    const [, kind, value = ''] = /^\s*([^:]+):(.*)$/s.exec(entry) ?? [];
    if (kind !== 'URI') return [];
    return [value.startsWith('"') ? (JSON.parse(value) as string) : value];
  });
}

/**
 * The SPIFFE id that a certificate proves: its only URI name. A certificate with none, several, or one of another form
 * proves nothing (SPIFFE X509-SVID, section 2).
 */
export function certificateIdentity(certificate: X509Certificate): string | undefined {
  const [only, ...more] = uriNames(certificate.subjectAltName);
  return only !== undefined && more.length === 0 && parseSpiffe(only) !== undefined ? only : undefined;
}
