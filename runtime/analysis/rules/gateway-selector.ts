import { labelsText } from '../labels';
import { gatewayWorkloads, ISTIO_GATEWAY, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';

export const gatewaySelector = rule<IstioGateway>({
  code: 'AMB3060',
  severity: 'hint',
  title: "An Istio Gateway's selector finds no gateway",
  why: "The servers of a Gateway are opened by the pods that its selector finds, in any namespace; where there are none, nothing listens. It is a hint, told only where files have workloads with one of the selector's labels: a gateway is often installed apart from the manifests.",
  aliases: ['KIA0302', 'IST0101'],
  scope: 'workspace',
  kinds: [ISTIO_GATEWAY],
  check({ document, mesh, report }) {
    const selector = document.value.spec?.selector ?? {};
    if (gatewayWorkloads(document, mesh).length > 0) return;
    const all = mesh.selected(mesh.settings.rootNamespace, {});
    if (!all.some(({ labels }) => Object.keys(selector).some((key) => key in labels))) return;
    report(['spec', 'selector'], `No workload has the labels ${labelsText(selector)}.`, { atKey: true });
  },
});
