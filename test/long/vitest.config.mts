import { defineConfig } from 'vitest/config';
import { SWITCH } from './mutate';
import { ruleMutants } from './rule-mutants';

const mutants = ruleMutants();

// `npm run test:long`: what takes minutes and is not part of `npm test`.
export default defineConfig({
  root: `${import.meta.dirname}/../..`,
  plugins: [
    {
      name: 'mutants',
      enforce: 'pre',
      transform(_, id) {
        const mutated = mutants.get(id);
        return mutated && `const ${SWITCH} = globalThis.${SWITCH};\n${mutated.code}`;
      },
    },
  ],
  test: {
    include: ['test/long/**/*.test.ts'],
    // The rules call the switch as soon as they are loaded.
    setupFiles: ['test/long/switch.ts'],
    // A rule's instrumented text depends on how many mutants the files before it have.
    fsModuleCache: false,
    testTimeout: 600_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
