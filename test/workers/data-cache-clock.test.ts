// The lease of a data cache on Workers, where each request has a time of its own.

import { afterEach, expect, test, vi } from 'vitest';
import { newEpoch, platformTasks, requestClock } from '../../src/cache/platform.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import type { AppendRequest, RenewRequest } from '../../src/log/lease/messages.ts';
import { createWorkersCache } from '../../src/workers/cache.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';

afterEach(() => void vi.unstubAllGlobals());

test('a lease lasts, though the clocks of requests go side by side', async () => {
  const begun = performance.now();
  const at = (ms: number) => void vi.stubGlobal('performance', { now: () => begun + ms });
  at(0);
  const keeper = new Keeper({
    ...{ storage: new SqliteStorage(), clock: requestClock, tasks: platformTasks },
    ...{ newEpoch, setAlarm: async () => {} },
  });
  let renewals = 0;
  const stub = {
    renew: (request: RenewRequest) => {
      renewals++;
      return keeper.renew(request);
    },
    append: (request: AppendRequest) => keeper.append(request),
  };
  const env = { TIDEGATE_LOG: { idFromName: (name: string) => name, get: () => stub } };
  const cacheOf = createWorkersCache({ lease: '1s' });
  for (let times = 0; times < 100; times++) {
    at((times % 2) * 50);
    await cacheOf(env, { waitUntil: () => undefined });
  }
  expect(renewals).toBe(1);
});

test('a value that is set in one isolate outdates that of another, and one that was read at a stamp does not', async () => {
  const keeper = new Keeper({
    ...{ storage: new SqliteStorage(), clock: requestClock, tasks: platformTasks },
    ...{ newEpoch, setAlarm: async () => {} },
  });
  let appends = 0;
  const stub = {
    renew: (request: RenewRequest) => keeper.renew(request),
    append: (request: AppendRequest) => {
      appends++;
      return keeper.append(request);
    },
  };
  const env = { TIDEGATE_LOG: { idFromName: (name: string) => name, get: () => stub } };
  const isolate = () => {
    const cacheOf = createWorkersCache({ lease: '200ms', mode: 'strict' });
    return () => cacheOf(env, { waitUntil: () => undefined });
  };
  const [one, other] = [isolate(), isolate()];
  await (await one()).set('a', 1);
  await (await other()).getOrSet('a', () => 1);
  await (await one()).set('a', 2);
  expect([await (await one()).get('a'), await (await other()).get('a')]).toEqual([2, undefined]);
  const cache = await other();
  const before = appends;
  await cache.set('a', 2, { stamp: cache.stamp() });
  expect([await (await one()).get('a'), await (await other()).get('a')]).toEqual([2, 2]);
  expect(appends).toBe(before);
});
