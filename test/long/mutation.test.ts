import { isDeepStrictEqual } from 'node:util';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { fixtures, type Fixture } from '../analysis/fixture';
import { judge } from '../analysis/judge';
import { EQUIVALENT } from './equivalent';
import type { Mutant } from './mutate';
import { ruleMutants } from './rule-mutants';
import { mutantSwitch } from './switch';

/** What the fixtures' tests hold against a mutant: true as soon as one of them would fail. */
function isKilled(fixture: Fixture): boolean {
  try {
    return judge(fixture).some(({ actual, expected }) => !isDeepStrictEqual(actual, expected));
  } catch {
    return true;
  }
}

/** Which fixtures reach which place, by the id of the place's first mutant. */
const reachedBy = new Map<number, readonly Fixture[]>();

beforeAll(() => {
  for (const fixture of fixtures()) {
    mutantSwitch.reached.clear();
    expect(isKilled(fixture), `${fixture.file} without a mutant`).toBe(false);
    for (const id of mutantSwitch.reached) reachedBy.set(id, [...(reachedBy.get(id) ?? []), fixture]);
  }
});

/** The mutants that no fixture kills. */
function survivors(file: string, mutants: readonly Mutant[]): Mutant[] {
  const own = path.basename(file, '.ts');
  let place: readonly Fixture[] = [];
  return mutants.filter(({ id }) => {
    place = reachedBy.get(id) ?? place;
    mutantSwitch.active = id;
    // The rule's own fixtures are the likeliest to notice.
    const ordered = [...place.filter(({ rule }) => rule === own), ...place.filter(({ rule }) => rule !== own)];
    const killed = ordered.some(isKilled);
    mutantSwitch.active = -1;
    return !killed;
  });
}

const name = (file: string, { line, original, change }: Mutant) => `${file}:${line} ${original} → ${change}`;

describe('every condition of a rule is noticed by a fixture', () => {
  test.each(
    [...ruleMutants()]
      .filter(([, { mutants }]) => mutants.length > 0)
      .map(([file, { mutants }]) => ({ file: path.basename(file), mutants })),
  )('$file', ({ file, mutants }) => {
    const equivalent = EQUIVALENT.filter((one) => one.file === file);
    const alive = survivors(file, mutants);
    const isExcused = ({ original, change }: Mutant) =>
      equivalent.some((one) => one.original === original && one.change === change);
    expect(alive.filter((mutant) => !isExcused(mutant)).map((mutant) => name(file, mutant))).toEqual([]);
    const needless = equivalent.filter(
      (one) => !alive.some(({ original, change }) => one.original === original && one.change === change),
    );
    expect(needless).toEqual([]);
  });
});
