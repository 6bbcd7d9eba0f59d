import { SWITCH } from './mutate';

/** Which mutant is awake, and which places of the code are reached. */
export interface Switch {
  active: number;
  /** Ids of the first mutant of each place that was reached. */
  readonly reached: Set<number>;
}

type Predicate = (...values: unknown[]) => unknown;

export const mutantSwitch: Switch = { active: -1, reached: new Set() };

/** Which of a place's mutants is awake: 0, 1, …; negative or more for none. */
function nth(id: number): number {
  mutantSwitch.reached.add(id);
  return mutantSwitch.active - id;
}

/** What instrumented sources call; each method gets the id of its place's first mutant. */
const methods = {
  condition: (id: number, value: unknown): unknown => [!value, true, false][nth(id)] ?? value,
  always: (id: number, value: unknown): unknown => (nth(id) === 0 ? true : value),
  never: (id: number, value: unknown): unknown => (nth(id) === 0 ? false : value),
  invert: (id: number, value: unknown): unknown => (nth(id) === 0 ? !value : value),
  exit: (id: number): boolean => nth(id) !== 0,
  fallback: (id: number, value: unknown, otherwise: unknown): unknown => (nth(id) === 0 ? value : (value ?? otherwise)),
  compare: (id: number, left: number, operator: Operator, right: number): boolean =>
    (ORDER[operator][nth(id) + 1] ?? ORDER[operator][0])(left, right),
  constant: (id: number, predicate: Predicate): Predicate => [() => true, () => false][nth(id)] ?? predicate,
  predicate: (id: number, predicate: Predicate): Predicate =>
    [() => true, () => false, (...values: unknown[]) => !predicate(...values)][nth(id)] ?? predicate,
};

type Operator = '<' | '<=' | '>' | '>=';
type Comparison = (left: number, right: number) => boolean;

const less: Comparison = (left, right) => left < right;
const lessOrEqual: Comparison = (left, right) => left <= right;
const greater: Comparison = (left, right) => left > right;
const greaterOrEqual: Comparison = (left, right) => left >= right;

/** An order, its neighbour, its opposite, as mutate.ts numbers them. */
const ORDER: Readonly<Record<Operator, readonly [Comparison, Comparison, Comparison]>> = {
  '<': [less, lessOrEqual, greaterOrEqual],
  '<=': [lessOrEqual, less, greater],
  '>': [greater, greaterOrEqual, lessOrEqual],
  '>=': [greaterOrEqual, greater, less],
};

Object.assign(globalThis, { [SWITCH]: methods });
