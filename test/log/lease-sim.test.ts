// Seeds of the simulated world of leases: nobody is served without knowing what was acknowledged before, whatever is lost.

import { expect, test } from 'vitest';
import { LeaseWorld } from './lease-world.ts';

const SEEDS = 40;

test.each(['lease', 'strict', 'bounded'] as const)(
  'no seed finds an outdated answer in mode %s',
  async (mode) => {
    const sum = { leased: 0, renewed: 0, failures: 0, restarts: 0, ended: 0, acknowledged: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new LeaseWorld(seed, mode);
      await world.run();
      expect({ seed, problems: world.problems }).toEqual({ seed, problems: [] });
      for (const [name, count] of Object.entries(world.tally)) sum[name as keyof typeof sum] += count;
      sum.acknowledged += world.acknowledged.length;
    }
    expect(sum.acknowledged).toBeGreaterThan(20 * SEEDS);
    expect(sum.renewed).toBeGreaterThan(20 * SEEDS);
    expect(sum.failures).toBeGreaterThan(SEEDS);
    expect(sum.restarts).toBeGreaterThan(2 * SEEDS);
    expect(sum.ended).toBeGreaterThan(0);
    if (mode !== 'strict') expect(sum.leased).toBeGreaterThan(50 * SEEDS);
  },
  120_000,
);
