const LONGEST_PATTERN = 512;
const LONGEST_TEXT = 2048;
const MOST_REPEATS = 3;

/**
 * Compiles a regular expression of a route so that no input can stall the proxy: JavaScript backtracks where Envoy's
 * RE2 runs in linear time. Look-around and back-references, which RE2 does not have, are refused; so are repeated groups
 * that themselves repeat or choose, and patterns with many repeats.
 *
 * @returns a test of the whole text (texts over 2048 characters never match), or why the pattern is refused
 */
export function compilePattern(pattern: string): ((text: string) => boolean) | { readonly refused: string } {
  if (pattern.length > LONGEST_PATTERN) return { refused: `longer than ${LONGEST_PATTERN} characters` };
  const bare = pattern.replace(/\\[^1-9k]/g, 'x').replace(/\[[^\]]*\]/g, 'x');
  if (/\\[1-9k]|\(\?(?!:)/.test(bare)) return { refused: 'look-around, flags and back-references are not supported' };
  if (repeatsRepeat(bare)) return { refused: 'a repeated group that itself repeats or chooses may take for ever' };
  if ((bare.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0) > MOST_REPEATS)
    return { refused: `more than ${MOST_REPEATS} repeats` };
  try {
    const compiled = new RegExp(`^(?:${pattern})$`);
    return (text) => text.length <= LONGEST_TEXT && compiled.test(text);
  } catch {
    return { refused: 'not a regular expression' };
  }
}

/** Whether a group is repeated that holds a repeat or an alternative at any depth. */
function repeatsRepeat(pattern: string): boolean {
  const open: boolean[] = [];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    if (character === '(') open.push(false);
    else if (character === ')') {
      const risky = open.pop() ?? false;
      const repeated = /^([*+]|\{\d+,?\d*\})/.test(pattern.slice(index + 1));
      if (risky && repeated) return true;
      if ((risky || repeated) && open.length > 0) open[open.length - 1] = true;
    } else if (/[*+|{]/.test(character) && open.length > 0) open[open.length - 1] = true;
  }
  return false;
}
