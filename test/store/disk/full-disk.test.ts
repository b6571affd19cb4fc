// A disk with less room than the store may take: how much it learns to hold, and that a full manifest makes room too.

import { expect, test } from 'vitest';
import { Capacity } from '../../../src/store/disk/segments/full-disk.ts';
import { getKey, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';
import { DiskError } from '../../kit/memory-folder.ts';

const SIZES = { maxBytes: 64_000, segmentBytes: 1_000 };

test('it holds a segment less than filled the disk, once for each time it is full', () => {
  const capacity = new Capacity(SIZES);
  capacity.ranFull(8_000);
  expect(capacity.bytes).toBe(7_000);
  // What fails before the eviction is done says nothing new.
  for (const bytes of [8_000, 7_500]) capacity.ranFull(bytes);
  expect(capacity.bytes).toBe(7_000);
  capacity.ranFull(7_000);
  expect(capacity.bytes).toBe(6_000);
  capacity.ranFull(0);
  expect(capacity.bytes).toBe(1_000);
});

test('it grows slowly at first, then by all that is written, up to maxBytes', () => {
  const capacity = new Capacity(SIZES);
  capacity.ranFull(9_000);
  for (let at = 0; at < 80; at++) capacity.wrote(100);
  expect(capacity.bytes).toBeGreaterThan(8_500);
  expect(capacity.bytes).toBeLessThan(10_000);
  for (let at = 0; at < 300; at++) capacity.wrote(100);
  const before = capacity.bytes;
  capacity.wrote(100);
  expect(capacity.bytes).toBe(before + 100);
  for (let at = 0; at < 1_000; at++) capacity.wrote(100);
  expect(capacity.bytes).toBe(64_000);
});

test('a manifest that finds the disk full has a segment go, and entries are taken again at once', async () => {
  const bench = new DiskBench({ segmentBytes: 20_000 });
  await bench.drive(bench.store.loaded());
  for (let at = 0; at < 20; at++) await bench.drive(bench.store.put(entry(at)));
  await bench.pass(1_000);
  bench.manifest.failing = new DiskError('ENOSPC');
  await bench.drive(bench.store.put(entry(20)));
  await bench.pass(200);
  expect(bench.store.stats().evictions).toBeGreaterThan(0);
  bench.manifest.failing = undefined;
  await bench.pass(300);
  await bench.drive(bench.store.put(entry(21)));
  expect(await bench.drive(bench.store.get(entry(21).key))).toBeDefined();
  expect(bench.store.stats().declined).toBe(0);
});

function entry(at: number) {
  return storedResponse(getKey(`http://h/${at}`), 'x'.repeat(4_000));
}
