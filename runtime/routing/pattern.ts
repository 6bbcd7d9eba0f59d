import { parsePattern, PatternError, type PatternNode } from './pattern-syntax';

const LONGEST_PATTERN = 1024;
/** RE2, too, bounds the size of its program. */
const LARGEST_PROGRAM = 10_000;

/** A step of the automaton: consumes a character, forks, asserts an end of the text, or accepts. */
type Step =
  | { readonly test: (code: number) => boolean; readonly next: number }
  | { fork: readonly [number, number] }
  | { readonly assert: 'start' | 'end'; readonly next: number }
  | { readonly accept: true };

/**
 * Compiles a regular expression of a route into a test of the whole text. It runs all possibilities side by side
 * (Thompson), in time proportional to text times pattern, as Envoy's RE2 does: JavaScript's own engine backtracks, and a
 * crafted path could stall the proxy.
 *
 * @returns the test, or why the pattern is refused
 */
export function compilePattern(pattern: string): ((text: string) => boolean) | { readonly refused: string } {
  if (pattern.length > LONGEST_PATTERN) return { refused: `it is longer than ${LONGEST_PATTERN} characters` };
  try {
    const steps: Step[] = [{ accept: true }];
    const entry = emit(parsePattern(pattern), 0, steps);
    return (text) => run(steps, entry, text);
  } catch (error) {
    if (error instanceof PatternError) return { refused: error.message };
    throw error;
  }
}

/** Appends the steps of a node that goes on at `next`, and gives the first of them. */
function emit(node: PatternNode, next: number, steps: Step[]): number {
  const add = (step: Step): number => {
    if (steps.length >= LARGEST_PROGRAM) throw new PatternError('it is too large');
    return steps.push(step) - 1;
  };
  switch (node.kind) {
    case 'character':
      return add({ test: node.test, next });
    case 'start':
    case 'end':
      return add({ assert: node.kind, next });
    case 'sequence':
      return node.parts.reduceRight((after, part) => emit(part, after, steps), next);
    case 'choice':
      return node.parts
        .map((part) => emit(part, next, steps))
        .reduceRight((others, entry) => add({ fork: [entry, others] }));
    case 'repeat': {
      let entry = next;
      if (node.most === Infinity) {
        const loop: { fork: readonly [number, number] } = { fork: [next, next] };
        entry = add(loop);
        loop.fork = [emit(node.part, entry, steps), next];
      } else {
        for (let count = node.least; count < node.most; count++)
          entry = add({ fork: [emit(node.part, entry, steps), next] });
      }
      for (let count = 0; count < node.least; count++) entry = emit(node.part, entry, steps);
      return entry;
    }
  }
}

function run(steps: readonly Step[], entry: number, text: string): boolean {
  const seen = new Uint32Array(steps.length);
  let generation = 0;
  let accepted = false;
  let current: number[] = [];

  /** Collects the consuming steps that can be reached without consuming. */
  const reach = (from: number, position: number, into: number[]): void => {
    const pending = [from];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      if (seen[at] === generation) continue;
      seen[at] = generation;
      const step = steps[at]!;
      if ('test' in step) into.push(at);
      else if ('fork' in step) pending.push(step.fork[1], step.fork[0]);
      else if ('accept' in step) accepted = position === text.length;
      else if (position === (step.assert === 'start' ? 0 : text.length)) pending.push(step.next);
    }
  };

  generation++;
  reach(entry, 0, current);
  for (let position = 0; position < text.length && current.length > 0;) {
    const code = text.codePointAt(position)!;
    position += code > 0xffff ? 2 : 1;
    const following: number[] = [];
    generation++;
    for (const at of current) {
      const step = steps[at]!;
      if ('test' in step && step.test(code)) reach(step.next, position, following);
    }
    current = following;
  }
  return accepted;
}
