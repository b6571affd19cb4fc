import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, percentilesOf, SKETCH_BUCKETS } from '../../src/engine/statistics/sketch.ts';

function sketchOf(durations: readonly number[]): Float64Array {
  const sketch = new Float64Array(SKETCH_BUCKETS);
  for (const ms of durations) count(sketch, ms);
  return sketch;
}

describe('a sketch of durations', () => {
  test('of nothing knows nothing', () => {
    expect(percentilesOf(sketchOf([]))).toEqual({ count: 0, p50: null, p90: null, p99: null, max: null });
  });

  test.each([0, -1, Number.NaN, 1e-9])('counts %d ms with the shortest', (ms) => {
    expect(percentilesOf(sketchOf([ms])).max).toBeLessThan(0.001);
  });

  test.each([Number.POSITIVE_INFINITY, 1e12])('counts %d ms with the longest', (ms) => {
    expect(percentilesOf(sketchOf([ms])).max).toBeGreaterThan(4e6);
  });

  test('has the quantiles of any durations, off by 1.6 % at most', () => {
    const durations = fc.array(fc.double({ min: 0.001, max: 4_000_000, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(durations, (some) => {
        const sorted = some.toSorted((one, other) => one - other);
        const exact = (part: number) => sorted[Math.max(1, Math.ceil(some.length * part)) - 1] as number;
        const { count: counted, p50, p90, p99, max } = percentilesOf(sketchOf(some));
        expect(counted).toBe(some.length);
        for (const [got, part] of [
          [p50, 0.5],
          [p90, 0.9],
          [p99, 0.99],
          [max, 1],
        ] as const)
          expect(Math.abs((got as number) / exact(part) - 1)).toBeLessThan(0.016);
      }),
    );
  });
});
