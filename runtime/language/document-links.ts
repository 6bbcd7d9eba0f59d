import type { DocumentLink } from 'vscode-languageserver/node';
import { find } from '../analysis/locate';
import { rangeOf, uriOf } from './places';
import type { LanguageSession } from './session';

const LISTS = ['resources', 'components', 'patches', 'patchesStrategicMerge', 'patchesJson6902', 'crds'];

/** The files that a kustomization names. */
export function documentLinks(session: LanguageSession, file: string): DocumentLink[] {
  const folder = uriOf(file);
  return (session.file(file)?.documents ?? [])
    .filter(({ group }) => group === 'kustomize.config.k8s.io')
    .flatMap((document) =>
      LISTS.flatMap((list) => find(document, [list]).node?.children.map((_, index) => [list, index]) ?? []).flatMap(
        (path) => {
          const { node: entry } = find(document, path);
          const node = entry?.type === 'map' ? find(document, [...path, 'path']).node : entry;
          if (node?.type !== 'scalar') return [];
          const text = document.source.text.slice(node.range.start, node.range.end).replace(/^["']|["']$/g, '');
          // A folder opens as its kustomization, which editors cannot guess.
          const target = /\.(ya?ml|json)$/.test(text) ? text : `${text.replace(/\/$/, '')}/kustomization.yaml`;
          if (/^\w+:|\n/.test(text) || !URL.canParse(target, folder)) return [];
          return [{ range: rangeOf(document.source, node.range), target: new URL(target, folder).href }];
        },
      ),
    );
}
