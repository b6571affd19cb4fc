import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCounts, outdatedShare } from '../../src/engine/prober/counts.ts';
import { shareInterval } from '../../src/engine/prober/interval.ts';

/** Probability of each number of finds among `count`, by the recurrence of the binomial distribution. */
function binomial(count: number, share: number): number[] {
  const chances = [(1 - share) ** count];
  for (let k = 1; k <= count; k++)
    chances.push(((chances[k - 1] as number) * (count - k + 1) * share) / (k * (1 - share)));
  return chances;
}

describe('the interval of a share', () => {
  // Tables of Clopper and Pearson; for 0 of n the upper end is 1 - 0.025^(1/n).
  it.each([
    [0, 10, 0, 0.3085],
    [1, 10, 0.0025, 0.445],
    [5, 10, 0.1871, 0.8129],
    [10, 10, 0.6915, 1],
    [3, 1_000, 0.000619, 0.008742],
  ])('%i of %i', (found, count, low, high) => {
    const got = shareInterval(found, count);
    expect(got.low).toBeCloseTo(low, 4);
    expect(got.high).toBeCloseTo(high, 4);
  });

  it('is everything where there is no sample', () => {
    expect(shareInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });

  it('holds the true share in 95 of 100 cases at least, whatever the share', () => {
    for (const count of [5, 40, 200]) {
      const intervals = Array.from({ length: count + 1 }, (_, found) => shareInterval(found, count));
      for (const share of [0.001, 0.01, 0.05, 0.2, 0.5, 0.83]) {
        const chances = binomial(count, share);
        const covered = intervals.reduce(
          (sum, { low, high }, found) => (low <= share && share <= high ? sum + (chances[found] as number) : sum),
          0,
        );
        expect(covered, `${share} of ${count}`).toBeGreaterThanOrEqual(0.95);
      }
    }
  });

  it('lies around what was found, is mirrored by the rest, and gets no smaller by what is left open', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, part) => {
        const found = part * count;
        const { low, high } = shareInterval(found, count);
        expect(low).toBeLessThanOrEqual(part + 1e-9);
        expect(high).toBeGreaterThanOrEqual(part - 1e-9);
        const rest = shareInterval(count - found, count);
        expect(rest.low).toBeCloseTo(1 - high, 6);
        const open = shareInterval(found, count, Math.min(count, found + 1));
        expect(open.low).toBe(low);
        expect(open.high).toBeGreaterThanOrEqual(high);
      }),
    );
  });
});

describe('the share of outdated hits', () => {
  const weights = (list: readonly { readonly weight: number; readonly outdated: boolean }[]) => ({
    ...noCounts(),
    weights: {
      judged: list.reduce((sum, { weight }) => sum + weight, 0),
      outdated: list.reduce((sum, { weight, outdated }) => sum + (outdated ? weight : 0), 0),
      undecided: 0,
      squares: list.reduce((sum, { weight }) => sum + weight ** 2, 0),
    },
  });

  it('does not depend on the unit of the weights, and is worth no more than its samples', () => {
    const sample = fc.record({ weight: fc.double({ min: 1, max: 1_000, noNaN: true }), outdated: fc.boolean() });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 50 }), fc.integer({ min: 2, max: 9 }), (list, unit) => {
        const one = outdatedShare(weights(list));
        const other = outdatedShare(weights(list.map(({ weight, outdated }) => ({ weight: weight * unit, outdated }))));
        expect(other.rate).toBeCloseTo(one.rate as number, 9);
        expect(other.samples).toBeCloseTo(one.samples, 6);
        expect(one.samples).toBeLessThanOrEqual(list.length + 1e-6);
      }),
    );
  });

  it('has no rate without samples', () => {
    expect(outdatedShare(noCounts())).toEqual({ rate: undefined, interval: { low: 0, high: 1 }, samples: 0 });
  });

  it('counts what is left open in the upper end alone', () => {
    const counts = noCounts();
    const open = { ...counts, weights: { judged: 100, outdated: 0, undecided: 10, squares: 100 } };
    expect(outdatedShare(open)).toEqual({
      rate: 0,
      interval: { low: 0, high: shareInterval(10, 100).high },
      samples: 100,
    });
  });
});
