// Texts made to hang or crash whoever reads them; `npm run test:long` has a longer campaign.
import { afterAll, describe, expect, test } from 'vitest';
import { KNOWN } from './known';
import { campaignProgram, realManifests, runCampaign } from './run-campaign';

const program = campaignProgram();
afterAll(() => program[Symbol.dispose]());

const campaign = { manifests: [], seed: 0, runs: 0 };

describe('hostile texts end in bounded time and memory', () => {
  test.each(Object.keys(KNOWN))(
    '%s',
    (known) => {
      expect(runCampaign(program.file, { ...campaign, known }, 120_000)).toBe('');
    },
    130_000,
  );

  test('real manifests, mutated', () => {
    expect(runCampaign(program.file, { manifests: realManifests(), seed: 1, runs: 1000 }, 120_000)).toBe('');
  }, 130_000);
});
