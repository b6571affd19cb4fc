// At every instant of a request, whatever happens to it then: nobody gets anything outdated.

import { expect, test } from 'vitest';
import { programOf } from './bench.ts';
import { runCells } from './cell-runs.ts';
import { VICTIMS } from './cells.ts';
import { LEASE } from './scenarios.ts';

test.each(VICTIMS.map((victim) => [victim]))(
  'in the life of a %s',
  async (victim) => {
    // A write has the most instants; `npm run test:workers` runs all of its cells.
    const ways = victim === 'PUT' ? (['PUT', 'none'] as const) : undefined;
    const { cells, failures } = await runCells(await programOf('gate'), {
      settings: LEASE,
      victim,
      ...(ways && { ways }),
    });
    expect(failures).toEqual([]);
    expect(cells).toBeGreaterThan(20);
  },
  120_000,
);
