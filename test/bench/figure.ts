/** One line of `npm run bench -- NAME -o json`. A peer's fields are null where there is nothing to compare with. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** value / peerValue, both from this run. */
  readonly ratio: number | null;
  /** The value that must not be exceeded. */
  readonly target: number;
  readonly ok: boolean;
}

/** A figure that has a target and no peer. */
export const figure = (name: string, value: number, unit: string, target: number): Figure => ({
  name,
  value,
  unit,
  peer: null,
  peerValue: null,
  ratio: null,
  target,
  ok: value <= target,
});
