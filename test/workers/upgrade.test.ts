// A handler that takes an upgrade past the cache: what it invalidates is heard all the same.

import { expect, test } from 'vitest';
import { newEpoch, requestClock } from '../../src/cache/platform.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { WorkersGate } from '../../src/workers/gate.ts';
import type { GateExecutionContext } from '../../src/workers/origins.ts';
import { Shards, type ShardsParts } from '../../src/workers/shards.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';

test('what the handler of an upgrade invalidates is in force', async () => {
  const cache = () => expect.unreachable();
  const platform = { ...universalPlatform(), fetch, cache, waitUntil: () => undefined };
  const { clock, tasks } = platform;
  const keeper = new Keeper({ storage: new SqliteStorage(), clock, tasks, newEpoch, setAlarm: async () => {} });
  let version = 1;
  const handler = async (request: Request, _: unknown, { tidegate }: GateExecutionContext) => {
    if (request.headers.has('upgrade')) {
      version++;
      await tidegate.invalidate({ tag: 'posts' });
    } else tidegate.tags('posts');
    return new Response(`version ${version}`, { headers: { 'cache-control': 'max-age=60' } });
  };
  const settings = checkedWorkersConfig({
    origins: { app: { handler: handler as never } },
    routes: [{ upgrade: true }],
    coherence: { mode: 'strict' },
  });
  const parts: ShardsParts = {
    ...{ platform, tiers: () => [] },
    join: () =>
      new LeasedLog({ keeper, clock: requestClock, tasks, member: newEpoch(), mode: 'strict', leaseMs: 1_000 }),
  };
  const gate = new WorkersGate(settings, { platform, shards: new Shards(settings, parts, settings.tiers) });
  const context = { waitUntil: () => undefined };
  const ask = async (headers: Record<string, string> = {}) =>
    (await gate.fetch(new Request('http://app.example/one', { headers }), {}, context)).text();
  expect([await ask(), await ask()]).toEqual(['version 1', 'version 1']);
  expect(await ask({ upgrade: 'websocket' })).toBe('version 2');
  expect(await ask()).toBe('version 2');
});
