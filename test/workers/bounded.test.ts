// The gate of one isolate in the mode bounded, beside an object that a test speaks for.

import { afterEach, expect, test, vi } from 'vitest';
import { newEpoch, requestClock } from '../../src/cache/platform.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { AppendRequest, LogReply } from '../../src/log/lease/messages.ts';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { WorkersGate } from '../../src/workers/gate.ts';
import { Shards, type ShardsParts } from '../../src/workers/shards.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';

afterEach(() => void vi.unstubAllGlobals());

/** `renews`: fails where it throws. */
function gateBeside(
  append: (keeper: Keeper, request: AppendRequest) => Promise<LogReply>,
  renews: () => Promise<void> | void = () => {},
) {
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
    origins: { app: { handler: () => new Response('done', { headers: { 'cache-control': 'max-age=60' } }) } },
    routes: [{}],
    coherence: { mode: 'bounded', bound: '1m' },
  });
  let renewals = 0;
  const renew: Keeper['renew'] = async (request) => {
    renewals++;
    await renews();
    return keeper.renew(request);
  };
  const parts: ShardsParts = {
    ...{ platform, tiers: () => [] },
    join: () =>
      new LeasedLog({
        ...{ clock: requestClock, tasks, member: newEpoch(), mode: 'bounded', leaseMs: 60_000 },
        keeper: { renew, append: (request) => append(keeper, request) },
      }),
  };
  const gate = new WorkersGate(settings, { platform, shards: new Shards(settings, parts, settings.tiers) });
  const context = { waitUntil: () => undefined };
  const ask = (init: RequestInit) => gate.fetch(new Request('https://app.example/one', init), {}, context);
  return Object.assign(ask, { renewals: () => renewals });
}

test('a write that is done has a position', async () => {
  const ask = gateBeside((keeper, request) => keeper.append(request));
  const { status, headers } = await ask({ method: 'PUT', body: 'any' });
  expect({ status, position: headers.get('set-cookie') }).toEqual({
    status: 200,
    position: expect.stringMatching(/^tidegate-position-log=3~[0-9a-f]{16}; Path=.*; Secure$/),
  });
});

test('a write during which the log began anew is answered', async () => {
  const ask = gateBeside(async (keeper, request) => {
    const reply = await keeper.append(request);
    return request.changes.some(({ kind }) => kind === 'invalidate') ? { ...reply, epoch: 'another' } : reply;
  });
  const { status, headers } = await ask({ method: 'PUT', body: 'any' });
  expect({ status, position: headers.get('set-cookie') }).toEqual({ status: 503, position: null });
});

test('positions that nobody was told ask the log for a renewal now and then', async () => {
  const now = performance.now();
  const at = (ms: number) => void vi.stubGlobal('performance', { now: () => now + ms });
  at(0);
  const ask = gateBeside((keeper, request) => keeper.append(request));
  const own = ((await ask({ method: 'PUT', body: 'any' })).headers.get('set-cookie') ?? '').replace(/;.*/, '');
  const made = own.replace('=3~', '=999~');
  const read = async (position: string) => {
    const answer = await ask({ headers: { cookie: position } });
    await answer.text();
    return answer.headers.get('cache-status');
  };
  const before = ask.renewals();
  await read(own);
  for (let times = 0; times < 10; times++) expect(await read(made)).toContain('; hit');
  expect(ask.renewals()).toBe(before + 1);
  // A position that has been reached needs none.
  expect(await read(own)).toContain('; hit');
  at(101);
  await read(made);
  expect(ask.renewals()).toBe(before + 2);
});

/** A gate that has stored what it is asked for, and two positions: one that it gave, and one that is made up. */
async function stored(renews: () => Promise<void> | void = () => {}) {
  const ask = gateBeside((keeper, request) => keeper.append(request), renews);
  const own = ((await ask({ method: 'PUT', body: 'any' })).headers.get('set-cookie') ?? '').replace(/;.*/, '');
  const read = async (cookie: string) => {
    const answer = await ask({ headers: { cookie } });
    await answer.text();
    return answer.headers.get('cache-status');
  };
  await read(own);
  return { read, own, made: own.replace('=3~', '=999~'), renewals: ask.renewals };
}

test('positions that are made up and come at once, or while the log is slow, cost one renewal', async () => {
  let slow: PromiseWithResolvers<void> | undefined;
  const { read, made, renewals } = await stored(() => slow?.promise);
  slow = Promise.withResolvers<void>();
  const before = renewals();
  const asked = Array.from({ length: 500 }, () => read(made));
  expect((await Promise.all(asked.slice(1)))[0]).toContain('; hit');
  slow.resolve();
  expect(await asked[0]).toContain('; hit');
  expect(renewals()).toBe(before + 1);
});

test('while the log is not reached, a position that is made up does not lead past the cache', async () => {
  let fails = false;
  const { read, made } = await stored(() => {
    if (fails) throw new Error('not reached');
  });
  fails = true;
  expect(await read(made)).toContain('; hit');
});

test('a cookie of the same name that stands first does not hide the own one', async () => {
  const { read, own, renewals } = await stored();
  const before = renewals();
  await read(`tidegate-position-log=x; ${own}`);
  expect(renewals()).toBe(before + 1);
  expect(await read(`${own}; tidegate-position-other=x`)).toContain('; hit');
  expect(renewals()).toBe(before + 1);
});
