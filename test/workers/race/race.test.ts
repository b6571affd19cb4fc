// The short form of the races: some seeds of each scenario. `npm run test:workers -- --seeds N` runs more.

import { expect, test } from 'vitest';
import { programOf } from './bench.ts';
import { runSeed } from './run-seed.ts';
import { SCENARIOS } from './scenarios.ts';

test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
  'nothing outdated: %s',
  async (_, scenario) => {
    const program = await programOf(scenario.settings.app);
    for (const seed of [1, 2, 3]) {
      const { findings, counts } = await runSeed(scenario, { program, seed });
      expect({ seed, findings }).toEqual({ seed, findings: [] });
      expect(counts.hits).toBeGreaterThan(20);
    }
  },
);
