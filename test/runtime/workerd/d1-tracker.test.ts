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
  const kinds = Map.groupBy(Object.entries(refused), ([, reason]) => reason.split(':')[0] as string);
  const named = (kind: string) => kinds.get(kind)?.map(([name]) => name);
  expect(named('')).toEqual([
    'all',
    'all, of nothing',
    'all, bound',
    'all, bound by a boolean',
    'all, bound by bytes',
    'all, bound by undefined',
    'all, bound twice',
    'run, of a read',
    'first',
    'first, of a column',
    'first, of no row',
    'raw',
    'raw, with names',
    'batch of reads',
    'a session',
  ]);
  expect(named('uncacheable')).toEqual(['two statements', 'a time', 'PRAGMA', 'EXPLAIN', 'a table of the system']);
  expect(named('unknown-call')).toEqual(['exec']);
  expect(named('replica')).toEqual(['a session of anywhere']);
  expect(named('error')).toEqual([
    'all, bound by too few',
    'first, of no column',
    'batch of nothing',
    'batch of no list',
    'a table that is not there',
    'a comment',
  ]);
  expect([...kinds.keys()].sort()).toEqual(['', 'after-write', 'error', 'replica', 'uncacheable', 'unknown-call']);
});

const scenario = (name: string) => asked(worker, `/scenario?name=${name}`);

test('tables that others alter are found out by the write itself', async () => {
  expect(await scenario('altered')).toEqual([
    'read [{"id":1,"n":0,"k":5}]',
    'read [{"id":1}]',
    'read []',
    'read []',
    'read [{"id":1}]',
    'read [{"id":2,"n":2,"k":null}]',
  ]);
});

test('a table that others make anew is not stored until it is followed again', async () => {
  const why = 'uncovered-table: expected triggers on table t, got none: install the feed';
  const row = '[{"id":1,"n":101}]';
  expect(await scenario('remade')).toEqual([`read ${row}`, `read ${row}`, why, `read ${row}`, `hit ${row}`]);
});

test('a write of many rows invalidates all that was read of its table', async () => {
  expect(await scenario('many')).toEqual(['read [{"id":1,"n":3}]', 'read [{"n":0}]']);
});

test('a write whose answer is lost invalidates all that was read', async () => {
  const error = 'Error: D1_ERROR: Network connection lost.';
  expect(await scenario('lost')).toEqual([error, 'read [{"id":1,"n":9}]', 'read [{"id":2,"n":2}]']);
});

test('without a change log writes are done, and nothing is stored', async () => {
  expect(await scenario('unfollowed')).toEqual([1, 'read [{"id":1,"n":8}]', 'read [{"id":1,"n":8}]', true]);
});

test('a session counts from the first answer of the primary on', async () => {
  expect(await scenario('sessions')).toEqual(['', 'replica', '', 'replica', 'replica']);
});

test('random writes, of others too, leave no outdated answer', { timeout: 240_000 }, async () => {
  const sums = { reads: 0, hits: 0, writes: 0, dropped: 0, needless: 0 };
  for (let seed = 1; seed <= 8; seed++) {
    const result = await asked<Result>(worker, `/random?seed=${seed}&steps=20`);
    expect(result.outdated, `seed ${seed}`).toEqual([]);
    expect(result.faults).toEqual([]);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
  }
  expect(sums.hits).toBeGreaterThan(2_000);
});

test('reads that are under way while writes are leave no outdated answer', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const result = await asked<Result>(worker, `/race?seed=${seed}`);
    expect(result.outdated, `seed ${seed}`).toEqual([]);
  }
});
