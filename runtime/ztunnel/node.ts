import type { ZtunnelConfig } from './config';

/** How ztunnel names itself to istiod (protocol reference 1.8). */
export function nodeOf(config: ZtunnelConfig): { id: string; metadata: Record<string, string> } {
  const { podName, podNamespace, instanceIp, nodeName, proxyMetadata } = config;
  return {
    id: `ztunnel~${instanceIp}~${podName}.${podNamespace}~${podNamespace}.svc.${config.clusterDomain}`,
    metadata: {
      NAME: podName,
      NAMESPACE: podNamespace,
      INSTANCE_IPS: instanceIp,
      NODE_NAME: nodeName,
      ...proxyMetadata,
    },
  };
}
