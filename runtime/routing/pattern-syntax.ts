/** A regular expression, taken apart. Only what RE2 and we both understand. */
export type PatternNode =
  | { readonly kind: 'character'; readonly test: (code: number) => boolean }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  /** `most` may be Infinity. */
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly least: number; readonly most: number };

export class PatternError extends Error {}

type Test = (code: number) => boolean;

const MOST_COPIES = 1000;
const DEEPEST = 100;

const range =
  (from: string, to: string): Test =>
  (code) =>
    code >= from.charCodeAt(0) && code <= to.charCodeAt(0);
const not =
  (test: Test): Test =>
  (code) =>
    !test(code);
const any =
  (...tests: Test[]): Test =>
  (code) =>
    tests.some((test) => test(code));
const is =
  (text: string): Test =>
  (code) =>
    text.includes(String.fromCodePoint(code));

const digit = range('0', '9');
const word = any(digit, range('a', 'z'), range('A', 'Z'), is('_'));
const space = is(' \t\n\f\r');
const CLASSES: Readonly<Record<string, Test>> = {
  d: digit,
  D: not(digit),
  w: word,
  W: not(word),
  s: space,
  S: not(space),
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07' };

/**
 * Parses the regular-expression syntax that RE2 (Envoy) and people agree on: characters, classes, groups, choices,
 * repeats, anchors and a leading `(?i)`.
 *
 * @throws PatternError saying what is not understood
 */
export function parsePattern(pattern: string): PatternNode {
  const foldCase = pattern.startsWith('(?i)');
  const text = [...(foldCase ? pattern.slice(4) : pattern)];
  let at = 0;
  let depth = 0;
  const fail = (problem: string): never => {
    throw new PatternError(problem);
  };
  const take = (wanted: string): boolean => {
    if (text[at] !== wanted) return false;
    at++;
    return true;
  };
  const next = (): string => text[at++] ?? fail('it ends too early');

  function choice(): PatternNode {
    if (++depth > DEEPEST) fail('its groups are nested too deep');
    const parts = [sequence()];
    while (take('|')) parts.push(sequence());
    depth--;
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  function sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (at < text.length && text[at] !== '|' && text[at] !== ')') parts.push(repeated(atom()));
    return { kind: 'sequence', parts };
  }

  function repeated(part: PatternNode): PatternNode {
    const bounds = repeatBounds();
    if (bounds === undefined) return part;
    take('?'); // Laziness changes what is captured, not what matches.
    if (/^[*+]$/.test(text[at] ?? '') || repeatBounds() !== undefined) fail('a repeat is repeated');
    return { kind: 'repeat', part, ...bounds };
  }

  function repeatBounds(): { least: number; most: number } | undefined {
    if (take('*')) return { least: 0, most: Infinity };
    if (take('+')) return { least: 1, most: Infinity };
    if (take('?')) return { least: 0, most: 1 };
    const counted = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(text.slice(at, at + 14).join(''));
    if (!counted) return undefined;
    at += counted[0].length;
    const least = Number(counted[1]);
    const most = counted[2] === undefined ? least : counted[3] === '' ? Infinity : Number(counted[3]);
    if (most < least || least > MOST_COPIES || (most !== Infinity && most > MOST_COPIES))
      fail(`the repeat ${counted[0]} is out of range`);
    return { least, most };
  }

  function atom(): PatternNode {
    const character = next();
    switch (character) {
      case '(':
        return group();
      case '[':
        return { kind: 'character', test: bracket() };
      case '.':
        return { kind: 'character', test: not(is('\n')) };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '\\':
        return { kind: 'character', test: escape(next()) };
      case '*':
      case '+':
      case '?':
        return fail(`there is nothing before ${character}`);
      default:
        return { kind: 'character', test: exactly(character) };
    }
  }

  function group(): PatternNode {
    if (take('?')) {
      const name = /^(:|P?<[A-Za-z_]\w*>)/.exec(text.slice(at, at + 64).join(''))?.[0];
      if (name === undefined) fail('look-around and flags inside are not supported');
      else at += name.length;
    }
    const inside = choice();
    if (!take(')')) fail('a group is not closed');
    return inside;
  }

  function bracket(): Test {
    const negated = take('^');
    const tests: Test[] = [];
    for (let first = true; first || text[at] !== ']'; first = false) {
      const from = next();
      if (from === '[' && text[at] === ':') fail('named classes are not supported');
      const low = from === '\\' ? escaped(next()) : from;
      if (typeof low === 'string' && text[at] === '-' && text[at + 1] !== ']' && at + 1 < text.length) {
        at++;
        const to = next();
        const high = to === '\\' ? escaped(next()) : to;
        if (typeof high !== 'string' || high.codePointAt(0)! < low.codePointAt(0)!) return fail('a range is not valid');
        tests.push(between(low, high));
      } else tests.push(typeof low === 'string' ? exactly(low) : low);
    }
    at++;
    return negated ? not(any(...tests)) : any(...tests);
  }

  function escape(character: string): Test {
    const read = escaped(character);
    return typeof read === 'string' ? exactly(read) : read;
  }

  /** The character or class after a backslash. */
  function escaped(character: string): string | Test {
    if (Object.hasOwn(CLASSES, character)) return CLASSES[character]!;
    if (Object.hasOwn(CONTROLS, character)) return CONTROLS[character]!;
    if (character === 'x') {
      const digits = /^[0-9a-fA-F]{2}/.exec(text.slice(at, at + 2).join(''))?.[0] ?? fail('\\x needs two hex digits');
      at += 2;
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (/[A-Za-z0-9]/.test(character)) return fail(`\\${character} is not supported`);
    return character;
  }

  function exactly(character: string): Test {
    return between(character, character);
  }

  function between(from: string, to: string): Test {
    const [low, high] = [from.codePointAt(0)!, to.codePointAt(0)!];
    const inside = (code: number) => code >= low && code <= high;
    if (!foldCase) return inside;
    return (code) => {
      const character = String.fromCodePoint(code);
      return (
        inside(code) ||
        inside(character.toLowerCase().codePointAt(0)!) ||
        inside(character.toUpperCase().codePointAt(0)!)
      );
    };
  }

  const parsed = choice();
  if (at < text.length) fail('a parenthesis is not opened');
  return parsed;
}
