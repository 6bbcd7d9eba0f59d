import { kindsOfAnnotation } from '../istio-annotations';
import { rule } from '../rule';
import { ANNOTATED, annotationsOf } from './annotation-places';

export const annotationMisplaced = rule({
  code: 'AMB2071',
  severity: 'warning',
  title: 'An annotation of Istio on a kind where it does not count',
  why: "Most of Istio's annotations are read from pods: in a Deployment they belong into spec.template.metadata, and those of the Deployment itself reach no pod.",
  aliases: ['IST0107'],
  scope: 'document',
  kinds: ANNOTATED,
  check({ document, mesh, report }) {
    for (const { kind, name, path } of annotationsOf(document, mesh)) {
      const kinds = kindsOfAnnotation(name) ?? [];
      // istiod writes istio.io/rev on what it owns, of whatever kind.
      if (kinds.length === 0 || kinds.includes(kind) || name === 'istio.io/rev') continue;
      const template = kinds.includes('Pod') && mesh.workloadOf(document) !== undefined;
      const where = template ? 'spec.template.metadata' : `a ${kinds.join(', ')}`;
      report(path, `${name} counts on ${where}, not on a ${kind}.`, { atKey: true });
    }
  },
});
