import { compilePattern } from '../routing/pattern';

type Match = (text: string) => boolean;

const ANYTHING = '(?:[\\s\\S]*)';
/** Results kept for a pattern; names and hosts repeat all the time. */
const MOST_KNOWN = 1000;
const LONGEST_KNOWN = 256;
/** A text beyond this is somebody's attempt to waste time; all fields with patterns are far shorter. */
const LONGEST = 65_536;

const compiled = new Map<string, Match | undefined>();

/**
 * Whether a pattern occurs in a text, as the API server's RE2 finds it: in time proportional to text times pattern. Some
 * of the Gateway API's own patterns would take JavaScript's engine years on a crafted header.
 *
 * @returns undefined for a pattern that is not understood and for a text of more than 65,536 characters
 */
export function matchesPattern(pattern: string, text: string): boolean | undefined {
  if (text.length > LONGEST) return undefined;
  if (!compiled.has(pattern)) compiled.set(pattern, compile(pattern));
  return compiled.get(pattern)?.(text);
}

function compile(pattern: string): Match | undefined {
  const folded = /^\^?\(\?i\)/.test(pattern);
  const rest = folded ? pattern.replace('(?i)', '') : pattern;
  const match = compilePattern(`${folded ? '(?i)' : ''}${ANYTHING}(?:${rest})${ANYTHING}`);
  if (typeof match !== 'function') return undefined;
  const known = new Map<string, boolean>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      result = match(text);
      if (known.size >= MOST_KNOWN) known.clear();
      if (text.length <= LONGEST_KNOWN) known.set(text, result);
    }
    return result;
  };
}
