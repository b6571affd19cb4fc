// A segment of which nearly all was used: it stays where it is, as the youngest of the main queue, and is not written again.

import { expect, test } from 'vitest';
import type { StoredResponse } from '../../../src/entry/stored-response.ts';
import { getKey, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';

const MiB = 1024 * 1024;
const ENTRY_BYTES = 4000;
const SEGMENT_BYTES = 128 * 1024;
const HOT = 30;

const keyOf = (number: number) => getKey(`http://h/${number}`);
const response = (number: number): StoredResponse => storedResponse(keyOf(number), 'x'.repeat(ENTRY_BYTES));

/** Asks for each of the first entries some times; how many are there. */
async function askedFor(bench: DiskBench, times: number): Promise<number> {
  let there = 0;
  for (let number = 0; number < HOT; number++) {
    for (let time = 0; time < times; time++) {
      const entry = await bench.drive(bench.store.get(keyOf(number)));
      if (time === 0 && entry !== undefined) there++;
    }
  }
  return there;
}

test('what fills a segment and is asked for all the time outlives a flood, and is not written again', async () => {
  const bench = new DiskBench({ maxBytes: 4 * MiB, segmentBytes: SEGMENT_BYTES });
  await bench.drive(bench.store.loaded());
  // The first segment holds little else.
  for (let number = 0; number < 3000; number++) {
    bench.store.put(response(number));
    if (number >= HOT && number % 20 === 0) {
      await bench.pass(200);
      expect(await askedFor(bench, 2)).toBe(HOT);
    }
  }
  await bench.pass(500);
  expect(await askedFor(bench, 1)).toBe(HOT);
  const { evictions, reinsertedBytes, bytes } = bench.store.stats();
  expect(evictions).toBeGreaterThan(1500);
  expect(reinsertedBytes).toBe(0);
  expect(bytes).toBeLessThanOrEqual(4 * MiB + 2 * SEGMENT_BYTES);
  const report = await bench.drive(bench.store.check());
  expect(report).toMatchObject({ agreeing: report.rows, orphanSegments: 0, examples: [] });
  expect(bench.faults).toEqual([]);
});
