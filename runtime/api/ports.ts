/** Every port of the mesh, as upstream (docs/architecture.md, port table). */
export const PORT = {
  outbound: 15001,
  inboundPlaintext: 15006,
  hbone: 15008,
  dns: 15053,
  admin: 15000,
  metrics: 15020,
  readiness: 15021,
  xds: 15012,
  istiodPlaintext: 15010,
  istiodMetrics: 15014,
} as const;

/** Source address of the node's health probes; capture lets it through to the application. */
export const PROBE_SOURCE = '169.254.7.127';
/** fwmark of ztunnel's own sockets, under the mask 0xfff; capture skips it. */
export const PACKET_MARK = 0x539;
/** Mark of connections that ztunnel delivers with the client's source address, so that replies return to it. */
export const DELIVERY_MARK = 0x111;
