// The D1 tracker in workerd: it gives what the binding gives, tells which responses may not be stored, and leaves nothing outdated.

import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asked, startedWorker } from './worker-kit.ts';

let worker: Miniflare;

beforeAll(async () => {
  // The kit of the random work measures by Node's modules; nothing that is tested has any.
  worker = await startedWorker('d1-tracker-app.ts', { d1Databases: ['DB'], compatibilityFlags: ['nodejs_compat'] });
}, 60_000);

afterAll(() => worker?.dispose());

interface Result {
  readonly outdated: readonly string[];
  readonly faults: readonly string[];
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  readonly dropped: number;
  readonly needless: number;
}

test('every method gives what the binding gives, and fails as it does', { timeout: 120_000 }, async () => {
  expect(await asked(worker, '/semantics')).toEqual([]);
});

test('what cannot be read, or may come from a replica, is not stored', { timeout: 120_000 }, async () => {
  const refused = await asked<Record<string, string>>(worker, '/refusals');
  console.log(refused);
});

test('random writes, of others too, leave no outdated answer', { timeout: 240_000 }, async () => {
  const sums = { reads: 0, hits: 0, writes: 0, dropped: 0, needless: 0 };
  for (let seed = 1; seed <= 3; seed++) {
    const result = await asked<Result>(worker, `/random?seed=${seed}`);
    expect(result.outdated, `seed ${seed}`).toEqual([]);
    expect(result.faults).toEqual([]);
    console.log(result);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
  }
  expect(sums.hits).toBeGreaterThan(300);
});

test('reads that are under way while writes are leave no outdated answer', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const result = await asked<Result>(worker, `/race?seed=${seed}`);
    expect(result.outdated, `seed ${seed}`).toEqual([]);
    console.log(result);
  }
});
