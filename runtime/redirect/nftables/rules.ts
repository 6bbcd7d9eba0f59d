import { DELIVERY_MARK, PACKET_MARK, PORT, PROBE_SOURCE } from '../../api/ports';

const hex = (value: number): string => `0x${value.toString(16)}`;
const OURS = `meta mark and 0xfff == ${hex(PACKET_MARK)}`;
const DELIVERED = hex(DELIVERY_MARK);
/** The IPv6 twin of the probes' source (mesh protocol 4.4). */
const PROBE_SOURCE6 = 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff';

const TABLES = ['nat', 'mangle', 'raw'] as const;
const tableName = (table: (typeof TABLES)[number]): string => `istio-ambient-${table}`;

export const NAT_TABLE = tableName('nat');

function table(name: (typeof TABLES)[number], chains: Record<string, readonly string[]>): string {
  const body = Object.entries(chains).map(([chain, lines]) => `  chain ${chain} {\n    ${lines.join('\n    ')}\n  }`);
  // Adding before deleting makes the deletion succeed whether or not the table was there; all in one transaction.
  const full = `inet ${tableName(name)}`;
  return `add table ${full}\ndelete table ${full}\ntable ${full} {\n${body.join('\n')}\n}`;
}

/**
 * Connection tracking meets a connection that is older than capture in its middle and takes it for new: translating it
 * would break it, so only a connection's first packet is redirected.
 */
const ONLY_FIRST = 'tcp flags & (fin | syn | rst | ack) != syn accept';

/**
 * The rules of a captured pod (mesh protocol 4.2 and 4.3): outbound TCP to 15001, inbound to 15006, DNS to 15053;
 * ztunnel's own packets, HBONE and health probes pass.
 */
export function captureRules(): string {
  const nat = table('nat', {
    prerouting: [
      'type nat hook prerouting priority dstnat; policy accept;',
      ONLY_FIRST,
      `meta l4proto tcp ip saddr ${PROBE_SOURCE} accept`,
      `meta l4proto tcp ip6 saddr ${PROBE_SOURCE6} accept`,
      `${OURS} accept`,
      'ip daddr 127.0.0.0/8 accept',
      'ip6 daddr ::1 accept',
      `tcp dport ${PORT.hbone} accept`,
      `meta l4proto tcp redirect to :${PORT.inboundPlaintext}`,
    ],
    output: [
      'type nat hook output priority -100; policy accept;',
      ONLY_FIRST,
      `meta l4proto tcp ip daddr ${PROBE_SOURCE} accept`,
      `meta l4proto tcp ip6 daddr ${PROBE_SOURCE6} accept`,
      `${OURS} accept`,
      `oifname != "lo" udp dport 53 redirect to :${PORT.dns}`,
      'ip daddr 127.0.0.0/8 accept',
      'ip6 daddr ::1 accept',
      `meta mark and 0xfff == ${DELIVERED} accept`,
      `oifname != "lo" tcp dport 53 redirect to :${PORT.dns}`,
      'oifname "lo" accept',
      `meta l4proto tcp redirect to :${PORT.outbound}`,
    ],
  });
  return `${nat}\n${table('mangle', {
    prerouting: [
      'type filter hook prerouting priority mangle; policy accept;',
      `${OURS} ct mark set ct mark and 0xfffff000 or ${DELIVERED}`,
    ],
    output: [
      'type route hook output priority mangle; policy accept;',
      `ct mark and 0xfff == ${DELIVERED} meta mark set ct mark`,
    ],
  })}\n${table('raw', {
    // ztunnel's own queries need a zone apart: their tuple may equal that of the query that they serve.
    prerouting: [
      'type filter hook prerouting priority raw; policy accept;',
      `udp sport 53 meta mark and 0xfff != ${hex(PACKET_MARK)} ct zone set 1`,
    ],
    output: ['type filter hook output priority raw; policy accept;', `udp dport 53 ${OURS} ct zone set 1`],
  })}\n`;
}

/**
 * Ends capture of new connections. The empty chains stay: the kernel stops translating when a namespace's last nat chain
 * goes, and would break what ztunnel still carries.
 */
export function releaseRules(): string {
  return `add table inet ${tableName('nat')}\nflush table inet ${tableName('nat')}\n`;
}

/** Removes every trace. */
export function removalRules(): string {
  return TABLES.map((name) => `add table inet ${tableName(name)}\ndelete table inet ${tableName(name)}\n`).join('');
}
