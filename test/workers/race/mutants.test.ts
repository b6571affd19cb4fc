// Each rule of the gate on Workers is needed: without it some seed finds something.

import { expect, test } from 'vitest';
import { caughtBy } from './mutant-run.ts';
import { WORKERS_MUTANTS } from './mutants.ts';

test.each(WORKERS_MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
  'catches a gate that %s',
  async (_, mutant) => {
    expect(await caughtBy(mutant, 60)).toMatch(/: /);
  },
  120_000,
);
