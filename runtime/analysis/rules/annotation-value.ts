import { rule } from '../rule';
import { ANNOTATED, annotationsOf } from './annotation-places';

type Check = (value: string) => boolean;

const isPort: Check = (text) => /^\d{1,5}$/.test(text.trim()) && Number(text) <= 65535;
const listOf =
  (isItem: Check): Check =>
  (text) =>
    text.trim() === '' || text.split(',').every(isItem);
const anyOr =
  (isGood: Check): Check =>
  (text) =>
    text === '*' || isGood(text);
const isCount: Check = (text) => /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32;
const isRange: Check = (text) => /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)\/\d{1,3}$/i.test(text);
const isInterface: Check = (text) => /^[^\s/:]{1,15}$/.test(text.trim());
const isTruth: Check = (text) => /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(text);
const isQuantity: Check = (text) => /^\d+(\.\d*)?([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/.test(text);
const isMode: Check = (text) => ['REDIRECT', 'TPROXY', 'NONE'].includes(text);

const [PORTS, RANGES] = ['ports, divided by commas', 'address ranges like 10.0.0.0/8, divided by commas'];
const COUNT = 'a whole number';
const QUANTITY = 'a quantity like 100m or 128Mi';

/** What istiod takes as the value of an annotation, in words; it refuses to inject a pod with another value. */
const VALUES: Readonly<Record<string, readonly [check: Check, wanted: string]>> = {
  'sidecar.istio.io/interceptionMode': [isMode, 'REDIRECT, TPROXY or NONE'],
  'status.sidecar.istio.io/port': [isPort, 'a port'],
  'readiness.status.sidecar.istio.io/initialDelaySeconds': [isCount, COUNT],
  'readiness.status.sidecar.istio.io/periodSeconds': [isCount, COUNT],
  'readiness.status.sidecar.istio.io/failureThreshold': [isCount, COUNT],
  'traffic.sidecar.istio.io/includeOutboundIPRanges': [anyOr(listOf(isRange)), `*, or ${RANGES}`],
  'traffic.sidecar.istio.io/excludeOutboundIPRanges': [listOf(isRange), RANGES],
  'traffic.sidecar.istio.io/includeInboundPorts': [anyOr(listOf(isPort)), `*, or ${PORTS}`],
  'traffic.sidecar.istio.io/excludeInboundPorts': [listOf(isPort), PORTS],
  'traffic.sidecar.istio.io/excludeOutboundPorts': [listOf(isPort), PORTS],
  'traffic.sidecar.istio.io/excludeInterfaces': [listOf(isInterface), 'names of interfaces, divided by commas'],
  'istio.io/reroute-virtual-interfaces': [listOf(isInterface), 'names of interfaces, divided by commas'],
  'prometheus.istio.io/merge-metrics': [isTruth, 'true or false'],
  'sidecar.istio.io/proxyCPU': [isQuantity, QUANTITY],
  'sidecar.istio.io/proxyMemory': [isQuantity, QUANTITY],
  'sidecar.istio.io/proxyCPULimit': [isQuantity, QUANTITY],
  'sidecar.istio.io/proxyMemoryLimit': [isQuantity, QUANTITY],
};

export const annotationValue = rule({
  code: 'AMB2072',
  severity: 'warning',
  title: 'An annotation of Istio has a value that istiod refuses',
  why: 'istiod checks the annotations of a pod before it injects a sidecar, and injects none when one of them has a value that it cannot read.',
  aliases: ['IST0125'],
  scope: 'document',
  kinds: ANNOTATED,
  check({ document, mesh, report }) {
    for (const { kind, name, value, path } of annotationsOf(document, mesh)) {
      const [isGood, wanted] = VALUES[name] ?? [];
      if (kind !== 'Pod' || isGood === undefined || isGood(value)) continue;
      report(path, `${name} must be ${wanted}, not ${JSON.stringify(value)}.`);
    }
  },
});
