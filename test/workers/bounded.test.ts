// The gate of one isolate in the mode bounded, beside an object that a test speaks for.

import { expect, test } from 'vitest';
import { newEpoch, requestClock } from '../../src/cache/platform.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { AppendRequest, LogReply } from '../../src/log/lease/messages.ts';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { Counters } from '../../src/workers/bill.ts';
import { WorkersGate } from '../../src/workers/gate.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';

function gateBeside(append: (keeper: Keeper, request: AppendRequest) => Promise<LogReply>) {
  const platform = {
    ...universalPlatform(),
    fetch,
    cache: () => {
      throw new Error('expected no use of the cache');
    },
    waitUntil: () => undefined,
  };
  const { clock, tasks } = platform;
  const keeper = new Keeper({ storage: new SqliteStorage(), clock, tasks, newEpoch, setAlarm: async () => {} });
  const settings = checkedWorkersConfig({
    origins: { app: { handler: () => new Response('done') } },
    routes: [{}],
    coherence: { mode: 'bounded', bound: '1m' },
  });
  const gate = new WorkersGate(settings, {
    ...{ platform, counters: new Counters(), tiers: () => [] },
    join: () =>
      new LeasedLog({
        ...{ clock: requestClock, tasks, member: newEpoch(), mode: 'bounded', leaseMs: 60_000 },
        keeper: { renew: (request) => keeper.renew(request), append: (request) => append(keeper, request) },
      }),
  });
  const context = { waitUntil: () => undefined };
  return (init: RequestInit) => gate.fetch(new Request('http://app.example/one', init), {}, context);
}

test('a write that is done has a position', async () => {
  const ask = gateBeside((keeper, request) => keeper.append(request));
  const { status, headers } = await ask({ method: 'PUT', body: 'any' });
  expect({ status, position: headers.get('tidegate-position') }).toEqual({
    status: 200,
    position: expect.stringMatching(/^log;.+\.3$/),
  });
});

test('a write during which the log began anew is answered', async () => {
  const ask = gateBeside(async (keeper, request) => {
    const reply = await keeper.append(request);
    return request.changes.some(({ kind }) => kind === 'invalidate') ? { ...reply, epoch: 'another' } : reply;
  });
  const { status, headers } = await ask({ method: 'PUT', body: 'any' });
  expect({ status, position: headers.get('tidegate-position') }).toEqual({ status: 503, position: null });
});
