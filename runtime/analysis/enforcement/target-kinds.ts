/** What a policy's or route's reference may lead to, by `group/Kind`. */
export const attachmentKinds: Readonly<Record<string, 'service' | 'gateway' | 'class'>> = {
  '/Service': 'service',
  'networking.istio.io/ServiceEntry': 'service',
  'gateway.networking.k8s.io/Gateway': 'gateway',
  'gateway.networking.k8s.io/GatewayClass': 'class',
};
