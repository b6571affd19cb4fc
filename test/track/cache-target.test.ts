// A data cache as a target: until when it serves what was read from a source. Time moves only when told to, and no timer
// is needed for a lease to end: a process that was paused has run none.

import { expect, it } from 'vitest';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { sourceTag } from '../../src/entry/key.ts';
import type { FillContext } from '../../src/index.ts';
import type { SourceMessage } from '../../src/track/contract.ts';
import { cacheTarget } from '../../src/track/index.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const LEASE_MS = 1_000;
const SHOP = sourceTag('shop');
const LONG = { ttl: '1h', grace: '1h' } as const;

function world(source = 'shop') {
  const time = new SimulatedTime();
  const cache = createCacheOn({}, { clock: time, tasks: time, random: () => 0.5, epoch: 'e' });
  const target = cacheTarget(cache);
  let sequence = 0;
  let session = 'a';
  const message = (tags: readonly string[] = []): SourceMessage => {
    return { source, session, sequence: ++sequence, leaseMs: LEASE_MS, tags };
  };
  const deliver = (tags?: readonly string[], leftMs?: number) => target.deliver(message(tags), leftMs);
  const renew = () => {
    session += 'a';
    sequence = 0;
  };
  let fills = 0;
  const read = (key = 'user:1', from = cache) =>
    from.getOrSet<number>(
      key,
      async (fill: FillContext<number>) => {
        await undefined;
        fill.addTags([SHOP, 'q1']);
        return ++fills;
      },
      LONG,
    );
  return { time, cache, target, deliver, message, renew, read };
}

async function live() {
  const made = world();
  await made.deliver();
  await made.deliver();
  return made;
}

it('keeps what was read from a source once its tracker has been heard twice', async () => {
  const { deliver, read, cache } = world();
  expect(await read()).toBe(1);
  expect(await read()).toBe(2);
  expect(await deliver()).toEqual({ gap: true });
  expect([await read(), await read()]).toEqual([3, 4]);
  expect(await deliver()).toEqual({ gap: false });
  expect([await read(), await read(), await cache.get('user:1')]).toEqual([5, 5, 5]);
  await deliver(['q1']);
  expect([await cache.get('user:1'), await read()]).toEqual([undefined, 6]);
});

it('serves nothing of the source once the lease is over, to whoever asks, and the rest all the same', async () => {
  const { time, cache, read } = await live();
  const users = cache.namespace('users');
  await read();
  await read('1', users);
  await cache.set('other', 'kept', LONG);
  time.advance(LEASE_MS - 1);
  expect([await cache.get('user:1'), await users.get('1'), await read()]).toEqual([1, 2, 1]);
  time.advance(1);
  expect([await cache.get('user:1'), await users.get('1'), await cache.has('user:1')]).toEqual([
    undefined,
    undefined,
    false,
  ]);
  expect((await cache.getMany(['user:1', 'other'])).size).toBe(1);
  expect([await read(), await read()]).toEqual([3, 4]);
  expect(await cache.get('other')).toBe('kept');
});

it('a lease runs from the answer before, and what was there when one ran out never comes back', async () => {
  const { time, cache, deliver, read } = await live();
  await read();
  time.advance(700);
  await deliver();
  time.advance(LEASE_MS - 701);
  await deliver();
  time.advance(700);
  expect(await cache.get('user:1')).toBe(1);
  time.advance(1);
  expect(await cache.get('user:1')).toBeUndefined();
  expect(await deliver()).toEqual({ gap: true });
  await deliver();
  expect([await cache.get('user:1'), await read(), await read()]).toEqual([undefined, 2, 2]);
});

it('a value that is past its ttl or expired is not given in grace without a lease', async () => {
  const { time, cache, read } = await live();
  await read();
  await cache.invalidate({ keys: ['user:1'], soft: true });
  const failing = () =>
    Promise.resolve(cache.getOrSet<number>('user:1', () => Promise.reject(new Error('away')), LONG)).catch(
      () => 'none',
    );
  expect(await failing()).toBe(1);
  time.advance(LEASE_MS + 5_000);
  expect(await failing()).toBe('none');
});

it('who comes after the lease is over is not given what was being read before', async () => {
  const { time, cache } = await live();
  const ends: ((value: string) => void)[] = [];
  const ask = () =>
    cache.getOrSet<string>(
      'user:1',
      async (fill: FillContext<string>) => {
        fill.addTags([SHOP]);
        return new Promise<string>((resolve) => void ends.push(resolve));
      },
      LONG,
    );
  const early = ask();
  time.advance(LEASE_MS);
  const late = [ask(), ask()];
  ends[0]?.('before');
  expect(await early).toBe('before');
  await new Promise((resolve) => setImmediate(resolve));
  expect(ends).toHaveLength(2);
  ends[1]?.('after');
  expect(await Promise.all(late)).toEqual(['after', 'after']);
});

it('the end of its tracker is in force at once, also for a message that is under way', async () => {
  const { time, cache, target, deliver, renew, read } = await live();
  await read();
  const underWay = deliver();
  const lapsed = target.lapse?.('shop');
  expect(await cache.get('user:1')).toBeUndefined();
  await Promise.all([underWay, lapsed]);
  time.advance(1);
  expect([await cache.get('user:1'), await read(), await read()]).toEqual([undefined, 2, 3]);
  renew();
  await deliver();
  await deliver();
  expect([await read(), await read()]).toEqual([4, 4]);
});

it('a lease that the other side counts goes on for as long as that says', async () => {
  const { time, cache, deliver, read } = world();
  await deliver([], 0);
  expect([await read(), await read()]).toEqual([1, 2]);
  await deliver([], 300);
  await read();
  time.advance(299);
  expect(await cache.get('user:1')).toBe(3);
  await deliver([], 0);
  time.advance(1);
  expect(await cache.get('user:1')).toBeUndefined();
});

it('anything else that can invalidate is told what is outdated', async () => {
  const told: (readonly string[])[] = [];
  const target = cacheTarget({ invalidate: async ({ tags = [] }) => void told.push(tags) }, { name: 'mine' });
  const message = { source: 'shop', session: 'a', leaseMs: LEASE_MS };
  expect(await target.deliver({ ...message, sequence: 1, tags: [] })).toEqual({ gap: false });
  await target.deliver({ ...message, sequence: 2, tags: ['q1'] });
  await target.deliver({ ...message, sequence: 3, tags: [] });
  await target.lapse?.('shop');
  expect([target.name, told]).toEqual(['mine', [[SHOP], ['q1'], [SHOP]]]);
});
