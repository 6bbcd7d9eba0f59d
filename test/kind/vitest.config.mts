import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files in the order in which they use the one cluster; each leaves the mesh as it found it until the last two. */
const ORDER = [
  'engine',
  'docker-context',
  'scenarios',
  'first-moments',
  'replacement',
  'nodes',
  'reboot',
  'redirect',
  'down',
  'adopted',
  'container',
];

class InOrder extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const at = ({ moduleId }: TestSpecification): number =>
      ORDER.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
    return Promise.resolve(files.toSorted((a, b) => at(a) - at(b)));
  }
}

// A cluster takes a minute to start: all files share one.
export default defineConfig({
  test: {
    include: ['test/kind/*.test.ts'],
    globalSetup: ['test/kind/setup.ts'],
    sequence: { sequencer: InOrder },
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 420_000,
    bail: 0,
    pool: 'forks',
  },
});
