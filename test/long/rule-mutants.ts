import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { mutate, type Mutated } from './mutate';

export const RULES_FOLDER = path.join(import.meta.dirname, '..', '..', 'runtime', 'analysis', 'rules');

/** Every file of the rules' folder with its mutants in it, by path; ids run through all files. */
export function ruleMutants(): ReadonlyMap<string, Mutated> {
  const all = new Map<string, Mutated>();
  let first = 0;
  for (const name of readdirSync(RULES_FOLDER).sort()) {
    const file = path.join(RULES_FOLDER, name);
    const mutated = mutate(file, readFileSync(file, 'utf8'), first);
    first += mutated.mutants.length;
    all.set(file, mutated);
  }
  return all;
}
