import { fix, replacePair } from '../edit';
import { LABELS } from '../fields/labels';
import { annotationLike, isIstioName, kindsOfAnnotation } from '../istio-annotations';
import { rule } from '../rule';
import { ANNOTATED, annotationsOf } from './annotation-places';

export const annotationUnknown = rule({
  code: 'AMB2070',
  severity: 'warning',
  title: 'An annotation of Istio that does not exist',
  why: 'Nobody reads it. Often it is a slip in upper and lower case, or a label: istio.io/use-waypoint and its like count as labels only. A name that only a newer Istio may know is an info.',
  aliases: ['IST0108'],
  scope: 'document',
  kinds: ANNOTATED,
  check({ document, mesh, report }) {
    for (const { name, value, path } of annotationsOf(document, mesh)) {
      if (!isIstioName(name) || kindsOfAnnotation(name)) continue;
      if (LABELS.some(({ key, on }) => key === name && on === 'label')) {
        report(path, `${name} is a label; as an annotation nobody reads it.`, { atKey: true });
        continue;
      }
      const known = annotationLike(name);
      if (known === undefined) report(path, `Istio knows no annotation ${name}.`, { atKey: true, severity: 'info' });
      else
        report(path, `Istio knows no annotation ${name}, but ${known}.`, {
          atKey: true,
          fixes: [fix(`Write ${known}`, false, replacePair(document, path, known, value))],
        });
    }
  },
});
