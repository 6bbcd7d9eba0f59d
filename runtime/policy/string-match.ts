import type { StringMatch } from './model';

/** Istio's four string forms: `*` is presence, `*x` a suffix, `x*` a prefix, anything else exact. */
export function parseStringMatch(text: string): StringMatch {
  if (text === '*') return { presence: true };
  if (text.startsWith('*')) return { suffix: text.slice(1) };
  if (text.endsWith('*')) return { prefix: text.slice(0, -1) };
  return { exact: text };
}

/** Presence means a non-empty text. */
export function matchesString(match: StringMatch, text: string): boolean {
  if ('exact' in match) return text === match.exact;
  if ('prefix' in match) return text.startsWith(match.prefix);
  if ('suffix' in match) return text.endsWith(match.suffix);
  return text !== '';
}
