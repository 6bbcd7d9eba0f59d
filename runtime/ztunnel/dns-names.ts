import { isIPv4, isIPv6 } from 'node:net';
import type { Answer, Question } from 'dns-packet';

export interface DnsAnswer {
  readonly answers: Answer[];
  readonly authoritative: boolean;
}

/** A service as DNS sees it. */
export interface NamedService {
  readonly namespace: string;
  /** Service addresses on the client's network; the workloads' addresses of a headless service. */
  readonly addresses: readonly string[];
}

export interface DnsClient {
  readonly namespace: string;
  readonly clusterDomain: string;
}

/** Seconds. */
const TTL = 30;

/** A name itself, then the wildcards that cover it: `*.b.c`, `*.c`. */
function* coveringNames(name: string): Generator<string> {
  yield name;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) yield `*${name.slice(dot)}`;
}

function shuffled(values: readonly string[]): string[] {
  return values
    .map((value) => ({ value, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value);
}

/**
 * Answers A and AAAA questions about mesh services: by full host name, by the short forms that Kubernetes' search
 * domains allow, and by an outside host name to which the client's resolver has appended a search domain.
 *
 * @param lookup services of exactly this host name (`*.` names included)
 * @returns undefined when the mesh does not know the name; no answers when it has none of the wanted family
 * @see protocol reference 3.7
 */
export function answerQuestion(
  question: Question,
  client: DnsClient,
  lookup: (hostname: string) => readonly NamedService[],
): DnsAnswer | undefined {
  if (question.type !== 'A' && question.type !== 'AAAA') return undefined;
  const asked = question.name.toLowerCase().replace(/\.$/, '');
  const domain = client.clusterDomain;
  const search = [`${client.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  const find = (name: string): NamedService | undefined => {
    for (const hostname of coveringNames(name)) {
      const found = lookup(hostname);
      if (found.length > 0) return found.find(({ namespace }) => namespace === client.namespace) ?? found[0];
    }
    return undefined;
  };
  const type = question.type;
  const records = (service: NamedService, name: string): Answer[] =>
    shuffled(service.addresses.filter(type === 'A' ? isIPv4 : isIPv6)).map((data) => ({ type, name, ttl: TTL, data }));

  for (const name of [asked, ...search.map((suffix) => `${asked}.${suffix}`)]) {
    const service = find(name);
    if (service !== undefined) return { answers: records(service, question.name), authoritative: true };
  }
  for (const suffix of search) {
    if (!asked.endsWith(`.${suffix}`)) continue;
    const stripped = asked.slice(0, -suffix.length - 1);
    const service = stripped.includes('.') ? find(stripped) : undefined;
    if (service === undefined) continue;
    const alias: Answer = { type: 'CNAME', name: question.name, ttl: TTL, data: stripped };
    return { answers: [alias, ...records(service, stripped)], authoritative: true };
  }
  return undefined;
}
