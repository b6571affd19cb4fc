// Which URLs are first, as a counter sees exchanges in simulated time: exact while they are few, near while they are many, bounded always.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutcomeClass } from '../../src/engine/outcome-class.ts';
import { topOf, UrlCounter } from '../../src/node/operator/top-urls.ts';
import { Dice } from '../sim/dice.ts';

function counting(seed = 1) {
  const now = { ms: 0 };
  const dice = new Dice(seed);
  const counter = new UrlCounter({
    clock: { monotonic: () => now.ms },
    random: () => dice.next(),
    shown: (uri) => uri,
  });
  return { now, counter };
}

const urlsOf = (counter: UrlCounter) => counter.figures().urls;

describe('few exchanges', () => {
  test('are counted one by one, by what became of them', () => {
    const { counter } = counting();
    const all: readonly (readonly [OutcomeClass, string, number])[] = [
      ...([['miss', '/a', 20] as const, ['hit', '/a', 1] as const, ['stale', '/a', 1] as const] as const),
      ...([['validated', '/b', 5] as const, ['collapsed', '/b', 7] as const, ['bypass', '/c', 90] as const] as const),
      ...([['error', '/d', 1] as const, ['refused', '/d', 1] as const] as const),
    ];
    for (const one of all) counter.ended(...one);
    expect(urlsOf(counter)).toEqual([
      { url: '/a', hits: 2, misses: 1, passes: 0, waitedMs: 20 },
      { url: '/b', hits: 0, misses: 2, passes: 0, waitedMs: 12 },
      { url: '/c', hits: 0, misses: 0, passes: 1, waitedMs: 90 },
    ]);
  });

  test('are forgotten within ten minutes', () => {
    const { counter, now } = counting();
    counter.ended('miss', '/old', 1);
    now.ms = 299_999;
    counter.ended('miss', '/next', 1);
    now.ms = 300_000;
    counter.ended('miss', '/new', 1);
    expect(counter.figures()).toMatchObject({ sinceMs: 300_000 });
    expect(urlsOf(counter).map(({ url }) => url)).toEqual(['/old', '/next', '/new']);
    now.ms = 600_000;
    expect(urlsOf(counter).map(({ url }) => url)).toEqual(['/new']);
    now.ms = 2_000_000;
    expect(counter.figures()).toEqual({ sinceMs: 0, urls: [] });
  });
});

test('many hits are estimated: of ten URLs each within a tenth of the truth, also where clients ask in turns', () => {
  const { counter } = counting();
  const truth = 40_000;
  for (let at = 0; at < 10 * truth; at++) counter.ended('hit', `/${at % 10}`, 0.1);
  const told = urlsOf(counter);
  expect(told).toHaveLength(10);
  for (const { hits } of told) expect(Math.abs(hits / truth - 1)).toBeLessThan(0.1);
});

test('the first URLs stay known, and the table bounded, whatever else is asked for once', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, between) => {
      const { counter } = counting(seed);
      const truth = new Map<string, number>();
      for (let at = 0; at < 5_000; at++) {
        const url = `/first/${(at / between) % 5}`;
        if (at % between === 0) {
          counter.ended('miss', url, 10);
          truth.set(url, (truth.get(url) ?? 0) + 1);
        }
        counter.ended('miss', `/once/${seed}/${at}`, 1);
      }
      const told = urlsOf(counter);
      expect(told.length).toBeLessThanOrEqual(150);
      const first = told.slice(0, 5);
      expect(new Map(first.map(({ url, misses }) => [url, misses]))).toEqual(truth);
    }),
    { numRuns: 20 },
  );
});

test('of several processes the same URL is one, and each order has its first', () => {
  const url = (name: string, hits: number, waitedMs: number) => ({ url: name, hits, misses: 1, passes: 0, waitedMs });
  const slow = url('/slow', 0, 9_000);
  const many = Array.from({ length: 200 }, (_, at) => url(`/${at}`, 1_000 + at, 1));
  const { sinceMs, urls } = topOf([
    { sinceMs: 5, urls: [...many, slow] },
    { sinceMs: 9, urls: [url('/199', 10, 1)] },
  ]);
  expect(sinceMs).toBe(9);
  expect(urls[0]).toEqual({ url: '/199', hits: 1_209, misses: 2, passes: 0, waitedMs: 2 });
  expect(urls.at(-1)).toEqual(slow);
  expect(urls.length).toBeLessThanOrEqual(150);
});
