import type { CertificateManager } from '../xds/certificate-manager';
import type { MeshState } from '../xds/mesh-state';
import type { ZtunnelConfig } from './config';

/** `/config_dump` of this ztunnel, as istioctl reads it (protocol reference 10.3). */
export function configDump(parts: {
  readonly mesh: MeshState;
  readonly certificates: CertificateManager;
  readonly config: ZtunnelConfig;
  readonly workloadState: Record<string, unknown>;
  readonly version: string;
}): Record<string, unknown> {
  const { config, workloadState, version } = parts;
  return { workloadState, version: { version }, config };
}
