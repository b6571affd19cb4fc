// Names under guard: neither stored nor served while a write under them is under way, or cannot be told.

import { describe, expect, it } from 'vitest';
import type { Cache } from '../../../src/index.ts';
import { Guard } from '../../../src/orm/drizzle/writes/guard.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { ours, settle } from './kit.ts';

let mark = '0123456789ab';
function guardOver(cache: Cache, time: SimulatedTime, tasks: Pick<SimulatedTime, 'later'> = time): Guard {
  return new Guard({
    ...{ cache, database: 'app', doubtMs: 100, clock: time, tasks },
    ...{ outside: () => [], mark: () => mark, clearing: () => () => undefined, onFault: () => undefined },
  });
}

type Invalidate = (tables: readonly string[]) => Promise<void>;

function guardOf(time: SimulatedTime, invalidate: Invalidate, tasks: Pick<SimulatedTime, 'later'> = time): Guard {
  const { cache } = ours();
  Object.assign(cache, { invalidate: ({ tables }: { tables: readonly string[] }) => invalidate(tables) });
  return guardOver(cache, time, tasks);
}

describe('tables under guard', () => {
  it('stay so until the grace of the last write has run out and they are invalidated once more', async () => {
    const time = new SimulatedTime();
    const told: string[][] = [];
    const invalidate = async (tables: readonly string[]) => {
      told.push([...tables]);
    };
    const guard = guardOf(time, invalidate);
    await guard.mayBeWriting(['a', 'b']);
    time.advance(60);
    await guard.mayBeWriting(['b']);
    expect([guard.isBusy(['a']), guard.isBusy(['b']), guard.isBusy(['c'])]).toEqual([true, true, false]);
    time.advance(40);
    await settle();
    expect([guard.isBusy(['a']), guard.isBusy(['b', 'c'])]).toEqual([false, true]);
    time.advance(60);
    await settle();
    expect(guard.isBusy(['a', 'b'])).toBe(false);
    expect(told).toEqual([['app:a', 'app:b'], ['app:b'], ['app:a'], ['app:b']]);
    expect(time.idle).toBe(true);
  });

  it('stay so as long as the longest doubt of a table, when rows count as the table from then on', async () => {
    const time = new SimulatedTime();
    const guard = guardOver(ours().cache, time);
    await guard.mayBeWriting(['t§', 't\x000123456789ab/0/1']);
    time.advance(60);
    await guard.mayBeWriting(['t']);
    mark = 'ba9876543210';
    expect(guard.isBusy(['t'])).toBe(true);
    time.advance(50);
    await settle();
    expect(guard.isBusy(['t'])).toBe(true);
    time.advance(50);
    await settle();
    expect(guard.isBusy(['t'])).toBe(false);
  });

  it('stay so until all of a long list is in force', async () => {
    const { cache } = ours();
    const held = Promise.withResolvers<void>();
    const tell = cache.invalidate.bind(cache);
    let calls = 0;
    Object.assign(cache, {
      invalidate: async (what: Parameters<typeof tell>[0]) => {
        if (++calls > 1) await held.promise;
        await tell(what);
      },
    });
    const time = new SimulatedTime();
    const guard = guardOver(cache, time);
    const names = Array.from({ length: 150 }, (_, at) => `t${at}`);
    const told = guard.invalidateAndEnd(names, [guard.open(names)]);
    await settle();
    expect(guard.isBusy(['t149'])).toBe(true);
    held.resolve();
    await told;
    expect(guard.isBusy(['t149'])).toBe(false);
  });

  it('end without timers, when someone asks', async () => {
    const time = new SimulatedTime();
    const noTimers = { later: () => () => {} };
    const guard = guardOf(time, async () => {}, noTimers);
    await guard.mayBeWriting(['a']);
    time.advance(100);
    expect(guard.isBusy(['a'])).toBe(true);
    await settle();
    expect(guard.isBusy(['a'])).toBe(false);
  });

  it('stay so when a write comes while they are invalidated', async () => {
    const time = new SimulatedTime();
    const held = Promise.withResolvers<void>();
    let calls = 0;
    const invalidate = () => (++calls === 2 ? held.promise : Promise.resolve());
    const guard = guardOf(time, invalidate);
    await guard.mayBeWriting(['a']);
    time.advance(100);
    await guard.mayBeWriting(['a']);
    held.resolve();
    await settle();
    expect(guard.isBusy(['a'])).toBe(true);
    time.advance(100);
    await settle();
    expect(guard.isBusy(['a'])).toBe(false);
  });

  it('are invalidated again by and by where the cache fails, though nobody asks', async () => {
    const time = new SimulatedTime();
    let calls = 0;
    const guard = guardOf(time, () => (++calls < 4 ? Promise.reject(new Error('no cache')) : Promise.resolve()));
    await guard.mayBeWriting(['a']);
    for (const step of [100, 1_000, 1_000]) {
      time.advance(step);
      await settle();
    }
    expect(calls).toBe(4);
    expect(guard.isBusy(['a'])).toBe(false);
    expect(time.idle).toBe(true);
  });
});
