import { defineConfig } from 'vitest/config';

// Suites that meet namespaces, eBPF and real peers run one file after another: two cores do not carry two meshes.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/kind/**', 'test/long/**', 'node_modules/**'],
    globalSetup: 'test/peers/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
