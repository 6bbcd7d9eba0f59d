import { absoluteHost } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { canonical } from '../canonical';
import type { MeshDocument } from '../document';
import { rule } from '../rule';

export const destinationRuleConflict = rule<DestinationRule>({
  code: 'AMB4028',
  severity: 'warning',
  title: 'Two DestinationRules of one host say something about the same',
  why: 'DestinationRules of one namespace for one host are merged: of two trafficPolicies, and of two subsets of one name, the older one counts and the other is ignored. One may hold the trafficPolicy and another the subsets.',
  aliases: ['KIA0201'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  check({ document, mesh, report }) {
    const all = mesh.inNamespace<DestinationRule>(DESTINATION_RULE, document.namespace);
    // Of two, the second is told.
    for (const other of all.slice(0, all.indexOf(document))) {
      if (other.name === document.name || scopeOf(other) !== scopeOf(document)) continue;
      const shared = sharedParts(other.value, document.value);
      if (shared.length === 0) continue;
      report(
        ['spec', 'host'],
        `DestinationRule ${other.name} has ${shared.join(' and ')} for this host too; only the older one counts.`,
        {
          related: [{ document: other, path: ['spec', 'host'], message: 'The other one' }],
        },
      );
    }
  },
});

function scopeOf({ namespace, value }: MeshDocument<DestinationRule>): string {
  return canonical([absoluteHost(value.spec?.host ?? '', namespace), value.spec?.workloadSelector ?? null]);
}

function sharedParts({ spec: one }: DestinationRule, { spec: other }: DestinationRule): string[] {
  const names = new Set((one?.subsets ?? []).map(({ name }) => name));
  const shared = (other?.subsets ?? []).filter(({ name }) => names.has(name)).map(({ name }) => `subset ${name}`);
  return one?.trafficPolicy && other?.trafficPolicy ? ['a trafficPolicy', ...shared] : shared;
}
