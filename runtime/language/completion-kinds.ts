import { CompletionItemKind, InsertTextFormat, type CompletionItem } from 'vscode-languageserver/node';
import { definitionsOf, type Release } from '../api/crds';
import { fieldDoc } from '../analysis/fields/fields';
import { schemaOf } from '../analysis/schemas';

interface KnownKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const CORE: readonly KnownKind[] = [
  ...['Namespace', 'Service', 'ServiceAccount', 'ConfigMap', 'Pod'].map((kind) => ({ group: '', version: 'v1', kind })),
  ...['Deployment', 'StatefulSet', 'DaemonSet'].map((kind) => ({ group: 'apps', version: 'v1', kind })),
];
const CLUSTER = new Set(['Namespace', 'GatewayClass']);

/** The kinds that the definitions have, each in the version that the API server stores. */
export function knownKinds(release: Release): KnownKind[] {
  const custom = definitionsOf(release, 'experimental').flatMap(({ spec: { group, names, versions } }) => {
    const served = versions.filter(({ served: isServed }) => isServed);
    const version = (served.find(({ name }) => name === 'v1') ?? served.find(({ storage }) => storage))?.name;
    return version === undefined ? [] : [{ group, version, kind: names.kind }];
  });
  return [...custom, ...CORE];
}

/** A whole document of each kind, with the fields that it needs. */
export function skeletons(release: Release): CompletionItem[] {
  return knownKinds(release).map(({ group, version, kind }) => {
    const spec = schemaOf(group, version, kind, release).properties?.['spec'];
    const required = (spec?.required ?? []).map((key, index) => `  ${key}: \${${index + 3}}`);
    const body =
      spec === undefined || kind === 'Namespace' ? [] : ['spec:', ...(required.length > 0 ? required : ['  $0'])];
    return {
      label: kind,
      detail: apiVersionOf(group, version),
      kind: CompletionItemKind.Class,
      insertTextFormat: InsertTextFormat.Snippet,
      insertText: [
        `apiVersion: ${apiVersionOf(group, version)}`,
        `kind: ${kind}`,
        'metadata:',
        '  name: ${1:name}',
        ...(CLUSTER.has(kind) ? [] : ['  namespace: ${2:default}']),
        ...body,
        '',
      ].join('\n'),
      documentation: fieldDoc(group, kind, []),
      // After the keys of a document that has begun.
      sortText: `2${kind}`,
    };
  });
}

export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}
