import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { reportOf } from './report.ts';
import { simulate } from './simulate.ts';

const ROOT = new URL('../../', import.meta.url);

describe('simulation', () => {
  it.each([0, 1, 2])('finds nothing wrong in some worlds (%i)', async (group) => {
    for (let seed = 20 * group + 1; seed <= 20 * group + 20; seed++) {
      const { violations } = await simulate(seed);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  });

  it('makes the same world of the same seed', async () => {
    for (const seed of [7, 8, 9]) {
      const [one, other] = [await simulate(seed), await simulate(seed)];
      expect(other.digest).toBe(one.digest);
      expect(other.tally.counts).toEqual(one.tally.counts);
    }
  });

  it('judges what is never seen in many worlds only', async () => {
    const one = await simulate(1);
    const goalsOf = (seeds: number) => reportOf(Array.from({ length: seeds }, () => one)).goals.map(({ met }) => met);
    expect(goalsOf(499)).not.toContain(false);
    expect(goalsOf(500)).toContain(false);
  });

  it('has mutants of the source as it is', () => {
    for (const { name, edits } of MUTANTS) {
      for (const { file, find } of edits) {
        const found = readFileSync(new URL(file, ROOT), 'utf8').split(find).length - 1;
        expect({ name, found }).toEqual({ name, found: 1 });
      }
    }
  });
});
