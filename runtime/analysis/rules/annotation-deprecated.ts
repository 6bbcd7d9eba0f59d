import { DEPRECATED_ANNOTATIONS } from '../istio-annotations';
import { rule } from '../rule';
import { ANNOTATED, annotationsOf } from './annotation-places';

const INJECT = 'sidecar.istio.io/inject';

export const annotationDeprecated = rule({
  code: 'AMB6060',
  severity: 'info',
  title: 'An annotation of Istio is deprecated',
  why: 'Istio still reads it and may stop doing so in a later version. sidecar.istio.io/inject is a label by now: only labels can be matched by the webhook.',
  aliases: ['IST0135'],
  scope: 'document',
  kinds: ANNOTATED,
  check({ document, mesh, report }) {
    for (const { name, path, labels } of annotationsOf(document, mesh)) {
      // Beside the label, the annotation is there for older versions, on purpose.
      if (!DEPRECATED_ANNOTATIONS.has(name) || name in labels) continue;
      const instead = name === INJECT ? ` Write the label ${INJECT}.` : '';
      report(path, `The annotation ${name} is deprecated.${instead}`, { atKey: true });
    }
  },
});
