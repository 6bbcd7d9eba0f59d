import { defineConfig } from 'vitest/config';

// A cluster takes a minute to start, and its tests build upon each other.
export default defineConfig({
  test: {
    include: ['test/kind/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 420_000,
    bail: 0,
    pool: 'forks',
  },
});
