// A stale value that a waiting caller may have is judged when it is given, not when they asked.

import { describe, expect, test } from 'vitest';
import { settle, valueBench } from './value-bench.ts';

const KEY = [{ kind: 'url', uri: 'k' }] as const;
const GRACE = { graceMs: 3_600_000 };

/** `old` is stale and in grace, and one waits for a fill. */
async function waiting(terms: { readonly softMs?: number; readonly hardMs?: number } = {}, isJoined = false) {
  const bench = valueBench();
  await bench.set('k', 'old', GRACE);
  bench.time.advance(60_000);
  const held = bench.fill();
  const first = isJoined ? bench.getOrSet('k', held, GRACE) : undefined;
  first?.catch(() => {});
  const caller = bench.getOrSet('k', held, { ...GRACE, ...terms });
  caller.catch(() => {});
  await settle();
  return { ...bench, held, caller, first };
}

describe('when the fill fails, what is in grace', () => {
  test('is given as long as nothing was invalidated', async () => {
    const { held, caller, cache } = await waiting();
    await held.fail(new Error('down'));
    expect([await caller, cache.figures.stats().stale]).toEqual(['old', 1]);
  });

  test('is not given after it was invalidated', async () => {
    const { cache, held, caller, faults } = await waiting();
    await cache.invalidate(KEY, false);
    await held.fail(new Error('down'));
    await expect(caller).rejects.toMatchObject({ code: 'E_FILL' });
    expect([cache.figures.stats().stale, faults.length]).toEqual([0, 0]);
  });

  test('is given after it was expired, also when another began to fill it anew', async () => {
    const { cache, held, caller, getOrSet } = await waiting();
    await cache.invalidate(KEY, true);
    const other = getOrSet('k', held, GRACE);
    await settle();
    expect(held.calls).toBe(2);
    await held.fail(new Error('down'));
    expect(await caller).toBe('old');
    await held.give('new');
    expect(await other).toBe('new');
  });

  test('gives way to what was put in meanwhile', async () => {
    const { set, held, caller, cache, faults } = await waiting();
    await set('k', 'new');
    await held.fail(new Error('down'));
    expect([await caller, cache.figures.stats().stale, faults.length]).toEqual(['new', 0, 1]);
  });

  test('is not given after something newer was put in that is not stored', async () => {
    const { set, held, caller } = await waiting();
    await set('k', 'new', { ttlMs: 0 });
    await held.fail(new Error('down'));
    await expect(caller).rejects.toMatchObject({ code: 'E_FILL' });
  });

  test('is not given after it was removed', async () => {
    const { cache, held, caller } = await waiting();
    await cache.remove(['k']);
    await held.fail(new Error('down'));
    await expect(caller).rejects.toMatchObject({ code: 'E_FILL' });
  });
});

describe('when the soft timeout runs out, what is in grace', () => {
  test('is not given after it was invalidated: the fill is waited for', async () => {
    const { cache, time, held, caller } = await waiting({ softMs: 100 });
    await cache.invalidate(KEY, false);
    time.advance(100);
    await settle();
    await held.give('read before');
    expect([await caller, cache.get('k'), cache.figures.stats().stale]).toEqual(['read before', undefined, 0]);
  });

  test('gives way to what was put in meanwhile, at once', async () => {
    const { set, time, caller, held } = await waiting({ softMs: 100 });
    await set('k', 'new');
    time.advance(100);
    expect(await caller).toBe('new');
    await held.give('read before');
  });

  test('is given after it was expired', async () => {
    const { cache, time, caller, held } = await waiting({ softMs: 100 });
    await cache.invalidate(KEY, true);
    time.advance(100);
    expect(await caller).toBe('old');
    await held.give('late');
  });

  test('and is outdated: who joined waits no longer than their own hard timeout', async () => {
    const { cache, time, caller, held, first } = await waiting({ softMs: 100, hardMs: 300 }, true);
    await cache.invalidate(KEY, false);
    time.advance(100);
    await settle();
    time.advance(199);
    await settle();
    const settled = await Promise.race([
      caller.then(
        () => 'given',
        () => 'refused',
      ),
      settle().then(() => 'waits'),
    ]);
    expect(settled).toBe('waits');
    time.advance(1);
    await expect(caller).rejects.toMatchObject({ code: 'E_FILL_TIMEOUT' });
    await held.give('late');
    await first;
  });
});
