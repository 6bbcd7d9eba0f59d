import { DATAPLANE_MODE } from '../../api/labels';
import { rule } from '../rule';

const INJECTION = 'istio-injection';
const REVISION = 'istio.io/rev';

export const injectionLabels = rule({
  code: 'AMB2061',
  severity: 'warning',
  title: 'Two labels of a Namespace say differently how its pods are meshed',
  why: "istio-injection asks the default revision for sidecars, istio.io/rev another one, and beside istio.io/dataplane-mode: ambient either puts sidecars into pods that are to have none. istio-injection wins over istio.io/rev, whatever it says. Keep one label. What istio-injection: enabled does to an ambient Namespace is AMB2011's.",
  aliases: ['IST0123'],
  scope: 'document',
  kinds: ['/Namespace'],
  check({ document, report }) {
    const labels = document.value.metadata.labels ?? {};
    if (!(REVISION in labels)) return;
    const path = ['metadata', 'labels', REVISION];
    if (INJECTION in labels)
      report(path, `${INJECTION} wins over ${REVISION}: revision ${labels[REVISION]} injects nothing here.`);
    else if (labels[DATAPLANE_MODE] === 'ambient')
      report(
        path,
        `Revision ${labels[REVISION]} injects sidecars into this ambient namespace: such pods are not enrolled.`,
      );
  },
});
