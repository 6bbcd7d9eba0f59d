import { afterAll, expect, test } from 'vitest';
import { campaignProgram, realManifests, runCampaign } from '../hostile/run-campaign';

const program = campaignProgram();
afterAll(() => program[Symbol.dispose]());

const first = Number(process.env['AMBIENT_SEED'] ?? 1);
const campaigns = Array.from({ length: 20 }, (_, index) => first + index);

test.each(campaigns)('2,000 hostile texts of seed %i end in bounded time and memory', (seed) => {
  expect(runCampaign(program.file, { manifests: realManifests(), seed, runs: 2000 }, 600_000)).toBe('');
});
