import type { ParseProblem } from './document';

/** What YAML has no place for: control characters but tab and line breaks, lone surrogates, noncharacters. */
const STRAY = /(?![\t\n\r\x85])\p{Cc}|[\ufffe\uffff]|\p{Surrogate}/u;

/** The first character for which the API server refuses a file, if there is one. */
export function strayCharacters(text: string): ParseProblem[] {
  const found = STRAY.exec(text);
  if (found === null) return [];
  const name = `U+${found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const message = `The character ${name} is not allowed in YAML; the API server refuses the file.`;
  return [{ code: 'AMB1001', message, range: { start: found.index, end: found.index + 1 } }];
}

/** Whether every other of the first characters is the zero that UTF-16 gives a letter: no YAML reader guesses that. */
export function isUnmarkedUtf16(text: string): boolean {
  return /^(?:[^\0]\0){4}|^(?:\0[^\0]){4}/.test(text);
}
