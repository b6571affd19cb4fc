// What a tenant with a quota may fill of a disk that others have too.

import { describe, expect, test } from 'vitest';
import { TenantParts } from '../../../src/store/disk/segments/tenant-parts.ts';
import { storedResponse } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';

const MB = 2 ** 20;
const DISK = 16 * MB;
const BYTES = 8_192;

const keyOf = (tenant: string, at: number) => `${tenant} ${tenant}:api GET http://${tenant}.example/${at}`;

async function begun(quotas: Readonly<Record<string, number>>, before?: DiskBench) {
  const parts = new TenantParts(DISK);
  parts.update(new Map(Object.entries(quotas)));
  const bench = new DiskBench({ maxBytes: DISK, segmentBytes: DISK / 64, parts }, before);
  await bench.drive(bench.store.loaded());
  const put = async (tenant: string, from: number, count: number) => {
    for (let at = from; at < from + count; at++) {
      await bench.drive(bench.store.put(storedResponse(keyOf(tenant, at), 'x'.repeat(BYTES), [])));
      // What was put is written down, and what leaves is gone.
      if (at % 50 === 49) await bench.pass(250);
    }
  };
  const held = async (tenant: string, count: number) => {
    let found = 0;
    for (let at = 0; at < count; at++)
      if ((await bench.drive(bench.store.get(keyOf(tenant, at)))) !== undefined) found++;
    return found;
  };
  return { bench, parts, put, held };
}

describe('a tenant that floods', { timeout: 60_000 }, () => {
  const QUIET = 300;

  test('pushes out nothing of another, and without quotas all of it', async () => {
    const { put, held, bench } = await begun({ quiet: 8 * MB, noisy: 4 * MB });
    await put('quiet', 0, QUIET);
    await put('noisy', 0, 6_000);
    expect(await held('quiet', QUIET)).toBe(QUIET);
    expect(bench.store.stats().declined).toBeGreaterThan(1_000);
    const without = await begun({});
    await without.put('quiet', 0, QUIET);
    await without.put('noisy', 0, 6_000);
    expect(await without.held('quiet', QUIET)).toBe(0);
  });

  test('is counted anew after a restart: it pushes out no more than its quota once', async () => {
    const first = await begun({ quiet: 8 * MB, noisy: MB });
    await first.put('noisy', 0, 1_500);
    await first.put('quiet', 0, QUIET);
    await first.bench.drive(first.bench.store.close());
    const { put, held } = await begun({ quiet: 8 * MB, noisy: MB }, first.bench);
    expect(await held('quiet', QUIET)).toBe(QUIET);
    await put('noisy', 10_000, 6_000);
    expect(await held('quiet', QUIET)).toBe(QUIET);
  });

  test('goes on with its own: the others write, and it has a part again', async () => {
    const { put, bench } = await begun({ quiet: 14 * MB, noisy: 2 * MB });
    await put('quiet', 0, 1_000);
    await put('noisy', 0, 2_000);
    for (let round = 0; round < 20; round++) {
      await put('quiet', 1_000 + 200 * round, 200);
      await put('noisy', 10_000 + 200 * round, 200);
    }
    let held = 0;
    for (let at = 10_000; at < 14_000; at++)
      if ((await bench.drive(bench.store.get(keyOf('noisy', at)))) !== undefined) held++;
    expect(held * BYTES).toBeGreaterThan(MB);
    expect(held * BYTES).toBeLessThan(3 * MB);
  });
});

test('a tenant that is alone has the whole disk, and goes on when it is full', async () => {
  const { put, bench } = await begun({ only: MB });
  await put('only', 0, 6_000);
  const { declined, bytes } = bench.store.stats();
  expect(declined).toBe(0);
  expect(bytes).toBeGreaterThan(0.8 * DISK);
  expect(await bench.drive(bench.store.get(keyOf('only', 5_999)))).toBeDefined();
});

test('who has no quota any more is not bounded', async () => {
  const { put, held, parts } = await begun({ noisy: MB });
  await put('other', 0, 2_500);
  await put('noisy', 0, 500);
  expect(await held('noisy', 500)).toBeLessThan(200);
  parts.update(new Map());
  await put('noisy', 0, 500);
  expect(await held('noisy', 500)).toBe(500);
});
