/** One connection or request as a proxy's access log tells it; absent is unknown. */
export interface AccessEntry {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly direction: 'inbound' | 'outbound' | 'waypoint';
  readonly source: AccessEnd;
  readonly destination: AccessEnd;
  /** Hostname of the service that was addressed. */
  readonly service?: string;
  readonly protocol: 'tcp' | 'http';
  readonly mtls: boolean;
  readonly verdict: 'allow' | 'deny' | 'error';
  /** `<namespace>/<name>` of the policy that denied, where the log names one. */
  readonly policy?: string;
  /** Index of the rule, where the log names it. */
  readonly rule?: number;
  /** Words of a denial or failure. */
  readonly reason?: string;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  /** Milliseconds. */
  readonly duration?: number;
}

export interface AccessEnd {
  /** IP address without port. */
  readonly address?: string;
  readonly port?: number;
  readonly pod?: string;
  readonly namespace?: string;
  /** SPIFFE id. */
  readonly identity?: string;
}

const DENIED = 'policy rejection: ';
const DENIED_BY = 'explicitly denied by: ';

/**
 * Reads a line of ztunnel's access log in either of its forms, plain or JSON.
 *
 * @returns undefined for any other line, also for `connection opened`, whose end follows
 * @see protocol reference 9.2
 */
export function readZtunnelLog(line: string): AccessEntry | undefined {
  const fields = line.startsWith('{') ? jsonFields(line) : plainFields(line);
  if (fields === undefined || fields.get('direction') === undefined) return undefined;
  const error = fields.get('error');
  const denial = error?.indexOf(DENIED) ?? -1;
  const reason = denial >= 0 ? error?.slice(denial + DENIED.length) : error;
  const number = (name: string): number | undefined => {
    const value = Number.parseFloat(fields.get(name) ?? '');
    return Number.isNaN(value) ? undefined : value;
  };
  const end = (side: 'src' | 'dst'): AccessEnd => ({
    ...splitAddress((side === 'dst' && fields.get('dst.hbone_addr')) || fields.get(`${side}.addr`)),
    pod: fields.get(`${side}.workload`),
    namespace: fields.get(`${side}.namespace`),
    identity: fields.get(`${side}.identity`),
  });
  const direction = fields.get('direction') === 'inbound' ? 'inbound' : 'outbound';
  const [sent, received] = [number('bytes_sent'), number('bytes_recv')];
  return {
    time: Date.parse(fields.get('time') ?? ''),
    direction,
    source: end('src'),
    destination: end('dst'),
    service: fields.get('dst.service'),
    protocol: 'tcp',
    mtls: fields.get('dst.hbone_addr') !== undefined,
    verdict: denial >= 0 ? 'deny' : error === undefined ? 'allow' : 'error',
    policy: reason?.startsWith(DENIED_BY) ? reason.slice(DENIED_BY.length).trim() : undefined,
    reason,
    // The log counts from the reporter's side; here sent goes from client to server.
    bytesSent: direction === 'outbound' ? sent : received,
    bytesReceived: direction === 'outbound' ? received : sent,
    duration: number('duration'),
  };
}

/** `time level target message k=v ...`, the first four separated by tabs, strings quoted. */
function plainFields(line: string): Map<string, string> | undefined {
  const [time = '', , target, message, rest = ''] = line.split('\t', 5);
  if (target !== 'access' || !/^connection (complete|failed)/.test(message ?? '')) return undefined;
  const fields = new Map([['time', time]]);
  for (const [, key, quoted, bare] of rest.matchAll(/([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)) {
    fields.set(key!, quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  }
  return fields;
}

function jsonFields(line: string): Map<string, string> | undefined {
  try {
    const { fields, ...top } = JSON.parse(line) as Record<string, unknown> & { fields?: Record<string, unknown> };
    const all = { ...top, ...fields };
    const [target, message] = [all['scope'] ?? all['target'], all['message'] ?? all['msg']];
    if (target !== 'access' || !/^connection (complete|failed)/.test(String(message))) return undefined;
    const values = Object.entries(all).filter(([, value]) => value !== undefined && value !== null);
    return new Map(values.map(([key, value]) => [key, String(value)]));
  } catch {
    return undefined;
  }
}

/** Envoy's default text format, as Istio sets it (EnvoyTextLogFormat). */
const ENVOY =
  /^\[(?<time>[^\]]+)\] "(?<request>[^"]*)" (?<code>\d+) (?<flags>\S+) (?<details>\S+) \S+ "(?:[^"\\]|\\.)*" (?<received>\d+) (?<sent>\d+) (?<duration>\d+) \S+ "[^"]*" "(?:[^"\\]|\\.)*" "[^"]*" "(?<authority>[^"]*)" "(?<upstream>[^"]*)" (?<cluster>\S+) \S+ \S+ (?<source>\S+)/;

/** Istio's names for the policies in Envoy's RBAC filter. */
const RBAC =
  /^rbac_access_denied_matched_policy\[(?:ns\[(?<namespace>[^\]]*)\]-policy\[(?<policy>[^\]]*)\]-rule\[(?<rule>\d+)\]|(?<none>none))\]/;

/**
 * Reads a line of a waypoint's access log; it is written where the mesh's configuration asks for one.
 *
 * @returns undefined for any other line
 * @see protocol reference 9.3
 */
export function readWaypointLog(line: string): AccessEntry | undefined {
  const found = line.startsWith('[') ? ENVOY.exec(line)?.groups : undefined;
  if (found === undefined) return undefined;
  const { time = '', request = '', code, flags, details = '', authority = '', upstream, cluster = '' } = found;
  const rbac = RBAC.exec(details)?.groups;
  const hostname = /^inbound-vip\|\d+\|[^|]*\|(.+)$/.exec(cluster)?.[1] ?? authority.replace(/:\d+$/, '');
  const failed = code === '0' || flags !== '-';
  return {
    time: Date.parse(time),
    direction: 'waypoint',
    source: splitAddress(found['source']),
    destination: rbac ? {} : splitAddress(upstream),
    service: hostname === '-' || hostname === '' ? undefined : hostname,
    protocol: request === '- - -' ? 'tcp' : 'http',
    mtls: true,
    verdict: rbac ? 'deny' : failed ? 'error' : 'allow',
    policy: rbac?.['policy'] === undefined ? undefined : `${rbac['namespace']}/${rbac['policy']}`,
    rule: rbac?.['rule'] === undefined ? undefined : Number(rbac['rule']),
    reason: rbac ? (rbac['none'] ? 'allow policies exist, but none allowed' : details) : failed ? details : undefined,
    bytesSent: Number(found['received']),
    bytesReceived: Number(found['sent']),
    duration: Number(found['duration']),
  };
}

function splitAddress(text: string | undefined): { address?: string; port?: number } {
  const found = /^\[?([0-9a-fA-F.:]+?)\]?:(\d+)$/.exec(text ?? '');
  return found === null ? {} : { address: found[1], port: Number(found[2]) };
}
