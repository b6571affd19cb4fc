import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataModel } from './data-model.ts';
import { dataSteps } from './data-steps.ts';

test.each([
  ['memory alone', false, 6_000],
  ['memory over a slower tier', true, 6_000],
])(
  'no history makes the cache give what is outdated: %s',
  async (_, hasSlow, numRuns) => {
    await fc.assert(
      fc.asyncProperty(dataSteps, async (steps) => {
        const model = new DataModel(hasSlow);
        await model.run(steps);
        expect(model.objections).toEqual([]);
      }),
      { numRuns },
    );
  },
  60_000,
);
