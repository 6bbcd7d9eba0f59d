import type { KubeObject } from '../../api/resources';
import { rule } from '../rule';

const BUNDLE = 'gateway.networking.k8s.io/bundle-version';
/** The oldest Gateway API of which istiod 1.31 reads a kind, as major and minor version. */
const OLDEST: Readonly<Record<string, readonly [number, number]>> = {
  'grpcroutes.gateway.networking.k8s.io': [1, 1],
  'backendtlspolicies.gateway.networking.k8s.io': [1, 4],
  'tlsroutes.gateway.networking.k8s.io': [1, 5],
  'tcproutes.gateway.networking.k8s.io': [1, 6],
};

export const definitionVersion = rule<KubeObject>({
  code: 'AMB6061',
  severity: 'warning',
  title: 'A definition of the Gateway API is too old for istiod',
  why: 'istiod leaves kinds alone whose CustomResourceDefinition is older than what it was built for: their objects are accepted and nobody follows them. Install the newer definitions of the Gateway API.',
  aliases: ['IST0176'],
  scope: 'document',
  kinds: ['apiextensions.k8s.io/CustomResourceDefinition'],
  check({ document, report }) {
    const oldest = OLDEST[document.name];
    const version = /^v?(\d+)\.(\d+)\./.exec(document.value.metadata.annotations?.[BUNDLE] ?? '');
    if (oldest === undefined || version === null) return;
    const [major, minor] = [Number(version[1]), Number(version[2])];
    if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
    report(['metadata', 'annotations', BUNDLE], `istiod 1.31 reads this kind from Gateway API ${oldest.join('.')} on.`);
  },
});
