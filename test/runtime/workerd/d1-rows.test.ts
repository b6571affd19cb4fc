// Drizzle by rows over D1, in workerd: each cached answer is held against the uncached database after random writes.

import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RowsResult } from '../../orm/drizzle/rows-random.ts';
import { asked, startedWorker } from './worker-kit.ts';

let worker: Miniflare;

beforeAll(async () => {
  // The kit of the random work measures by Node's modules; nothing that is tested has any.
  worker = await startedWorker('d1-rows-app.ts', { d1Databases: ['DB'], compatibilityFlags: ['nodejs_compat'] });
}, 60_000);

afterAll(() => worker?.dispose());

test('a write leaves what it cannot change, and drops the rest', { timeout: 120_000 }, async () => {
  expect(await asked(worker, '/')).toEqual([]);
});

test('random writes and batches leave nothing outdated, and much that they cannot change', {
  timeout: 120_000,
}, async () => {
  const seeds = 3;
  const sums = { hits: 0, reads: 0, writes: 0, kept: 0, dropped: 0, needless: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await asked<RowsResult>(worker, `/?seed=${seed}`);
    expect(result.outdated, `seed ${seed}`).toEqual([]);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
  }
  expect(sums.hits).toBeGreaterThan(300);
  expect(sums.kept).toBeGreaterThan(seeds * 3);
});
