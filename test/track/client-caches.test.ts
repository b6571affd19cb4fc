// The lease of a client's data caches, in simulated time: counted from what was said, and over in time.

import { expect, it } from 'vitest';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { sourceTag } from '../../src/entry/key.ts';
import { ClientCaches } from '../../src/track/client/client-caches.ts';
import type { SourceMessage } from '../../src/track/contract.ts';
import { cacheTarget } from '../../src/track/index.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { NotingTarget } from './world.ts';

const LEASE_MS = 1_000;

function caches() {
  const time = new SimulatedTime();
  const lapses: number[] = [];
  const said: { readonly id: number; readonly isDone: boolean }[] = [];
  const target = Object.assign(new NotingTarget(), { lapse: () => void lapses.push(time.monotonic()) });
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  const parts = { source: 'shop', clock: time, tasks: time, onFault };
  const remote = new ClientCaches({ ...parts, targets: [target], said: (one) => said.push(one) });
  let sequence = 0;
  const deliver = (id: number, heard: number) => {
    const message: SourceMessage = {
      source: 'shop',
      session: 'a',
      sequence: ++sequence,
      leaseMs: LEASE_MS,
      tags: ['q1'],
    };
    return remote.deliver({ id, heard, message });
  };
  return { time, lapses, said, faults, target, remote, deliver };
}

it('a lease runs from what was said to be delivered, once that was heard', async () => {
  const { time, remote, deliver, said } = caches();
  const begunAt = time.monotonic();
  expect(remote.isLeased).toBe(false);
  await deliver(1, 0);
  expect(said).toEqual([{ id: 1, isDone: true }]);
  expect(remote.isLeased).toBe(false);
  time.advance(700);
  await deliver(2, 1);
  expect(remote.isLeased).toBe(true);
  time.advance(begunAt + LEASE_MS - time.monotonic() - 1);
  expect(remote.isLeased).toBe(true);
  time.advance(1);
  expect(remote.isLeased).toBe(false);
});

it('what was not delivered, or by another connection, gives no lease', async () => {
  const { remote, deliver, target, said } = caches();
  target.fault = new Error('away');
  await deliver(1, 0);
  expect(said).toEqual([{ id: 1, isDone: false }]);
  target.fault = undefined;
  await deliver(2, 1);
  expect(remote.isLeased).toBe(false);
  remote.connected();
  await deliver(3, 2);
  expect(remote.isLeased).toBe(false);
});

it('when it is over everything is outdated in them, once', async () => {
  const { time, lapses, remote, deliver } = caches();
  await deliver(1, 0);
  const saidAt = time.monotonic();
  await deliver(2, 1);
  time.advance(10 * LEASE_MS);
  expect(lapses).toEqual([saidAt + LEASE_MS]);
  await remote.stop();
  expect(lapses).toHaveLength(1);
});

it('what a cache has is over with the lease, whether a timer has run or not', async () => {
  const time = new SimulatedTime();
  let pausedMs = 0;
  const clock = { now: () => time.now() + pausedMs, monotonic: () => time.monotonic() + pausedMs };
  const cache = createCacheOn({}, { clock, tasks: time, random: () => 0.5, epoch: 'e' });
  const parts = { source: 'shop', clock, tasks: time, onFault: () => undefined, said: () => undefined };
  const remote = new ClientCaches({ ...parts, targets: [cacheTarget(cache)] });
  let id = 0;
  const deliver = () => {
    const message: SourceMessage = { source: 'shop', session: 'a', sequence: ++id, leaseMs: LEASE_MS, tags: [] };
    return remote.deliver({ id, heard: id - 1, message });
  };
  const set = () => cache.set('user:1', 'Lane', { ttl: '1h', tags: [sourceTag('shop')] });
  await deliver();
  expect(await set()).toBe(false);
  time.advance(400);
  await deliver();
  expect([await set(), await cache.get('user:1')]).toEqual([true, 'Lane']);
  time.advance(LEASE_MS - 401);
  expect(await cache.get('user:1')).toBe('Lane');
  pausedMs = 1;
  expect([remote.isLeased, await cache.get('user:1')]).toEqual([false, undefined]);
  // What comes first after a pause may be a message instead of the timer.
  await deliver();
  await deliver();
  expect([remote.isLeased, await cache.get('user:1')]).toEqual([true, undefined]);
  await set();
  await remote.stop();
  expect(await cache.get('user:1')).toBeUndefined();
});

it('an end that a cache refuses is told', async () => {
  const { target, faults, remote, deliver } = caches();
  await deliver(1, 0);
  const fault = new Error('broken');
  target.lapse = () => {
    throw fault;
  };
  await remote.stop();
  expect(faults).toEqual([fault]);
});
