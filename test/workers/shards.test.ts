// Which log a request goes by, where a site has several, and that what a client has written in one is not read as of another.

import { expect, test } from 'vitest';
import { newEpoch, requestClock } from '../../src/cache/platform.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import type { WorkersConfig } from '../../src/site/workers-types.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { adminApi } from '../../src/workers/admin.ts';
import { Counters } from '../../src/workers/counters.ts';
import { WorkersGate } from '../../src/workers/gate.ts';
import { Shards, type ShardsParts } from '../../src/workers/shards.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';

/** Isolates of one site, with a keeper for each of its logs. */
function site(config: Omit<WorkersConfig, 'origins'>) {
  const cache = () => expect.unreachable();
  const platform = { ...universalPlatform(), fetch, cache, waitUntil: () => undefined };
  const { clock, tasks } = platform;
  const keepers = new Map<string, Keeper>();
  let version = 1;
  const handler = ({ method }: Request) => {
    if (method === 'PUT') version++;
    return new Response(`version ${version}`, { headers: { 'cache-control': 'max-age=60' } });
  };
  const settings = checkedWorkersConfig({ ...config, origins: { app: { handler: handler as never } } });
  const { mode, leaseMs } = settings.coherence;
  const keeperOf = (shard: string): Keeper => {
    const storage = new SqliteStorage();
    const keeper = keepers.get(shard) ?? new Keeper({ storage, clock, tasks, newEpoch, setAlarm: async () => {} });
    keepers.set(shard, keeper);
    return keeper;
  };
  const parts: ShardsParts = {
    ...{ platform, tiers: () => [] },
    join: (_, shard) =>
      new LeasedLog({ keeper: keeperOf(shard), clock: requestClock, tasks, member: newEpoch(), mode, leaseMs }),
  };
  const env = { TOKEN: 'secret' };
  const context = { waitUntil: () => undefined };
  const isolate = () => {
    const gate = new WorkersGate(settings, { platform, shards: new Shards(settings, parts, settings.tiers) });
    return async (url: string, init: RequestInit = {}) => {
      const request = new Request(url, init);
      const beside = { gate, counters: new Counters(), cache: undefined };
      return adminApi.answer({ request, env, context }, beside) ?? gate.fetch(request, env, context);
    };
  };
  return { isolate, logs: () => [...keepers.keys()].sort() };
}

test('hosts that routes name have a log each, and those under a wildcard share one', async () => {
  const { isolate, logs } = site({
    routes: [
      { match: { host: ['shop.example', 'a.tenant.example', 'shop.example:8443'], path: '/x*' } },
      { match: { host: '*.tenant.example' } },
      { match: { host: '*.b.tenant.example' } },
      { match: { path: '/any' } },
    ],
    coherence: { mode: 'strict', shard: 'host' },
  });
  const ask = isolate();
  await ask('https://shop.example/x');
  await ask('https://shop.example:8443/x');
  await ask('https://shop.example:8444/x');
  // The log of a host is one for all of its routes.
  await ask('https://a.tenant.example/x');
  await ask('https://a.tenant.example/y');
  for (let at = 0; at < 20; at++) {
    await ask(`https://invented-${at}.tenant.example/`);
    await ask(`https://invented-${at}.b.tenant.example/`);
    await ask(`https://invented-${at}.example/any`);
  }
  const named = [
    'shop.example',
    'shop.example:8443',
    'a.tenant.example',
    '*.tenant.example',
    '*.b.tenant.example',
    '*',
  ];
  expect(logs()).toEqual(named.sort());
});

test('a client that has written in two logs reads its own writes of both', async () => {
  const { isolate, logs } = site({
    routes: [
      { match: { path: '/a*' }, tenant: 'a' },
      { match: { path: '/b*' }, tenant: 'b' },
    ],
    coherence: { mode: 'bounded', bound: '1m', shard: 'tenant' },
  });
  const [one, other] = [isolate(), isolate()];
  const url = (path: string) => `https://app.example/${path}`;
  for (const path of ['a', 'b']) await (await other(url(path))).text();
  const cookies = new Map<string, string>();
  for (const path of ['a', 'b']) {
    const { headers } = await one(url(path), { method: 'PUT', body: 'any' });
    for (const cookie of headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair);
    }
  }
  expect([cookies.size, logs()]).toEqual([2, ['a', 'b']]);
  const own = { headers: { cookie: [...cookies.values()].join('; ') } };
  expect(await (await other(url('a'), own)).text()).toBe('version 3');
  expect(await (await other(url('b'), own)).text()).toBe('version 3');
  const { headers } = await other(url('a'), own);
  expect(headers.get('cache-status')).toContain('; hit');
});

const ADMIN = { path: '/_tidegate', token: 'TOKEN' };

/** Purges all of the shard of that name; gives the answer's status and text. */
async function purged(ask: ReturnType<ReturnType<typeof site>['isolate']>, shard: string): Promise<string> {
  const headers = { authorization: 'Bearer secret' };
  const answer = await ask(`https://a.tenant.example/_tidegate/clear?shard=${shard}`, { method: 'POST', headers });
  return `${answer.status} ${await answer.text()}`;
}

test('an operator names a log by any of its hosts, and none that no request goes by', async () => {
  const { isolate, logs } = site({
    routes: [{ match: { host: 'shop.example' } }, { match: { host: '*.tenant.example' } }],
    coherence: { mode: 'strict', shard: 'host' },
    admin: ADMIN,
  });
  const ask = isolate();
  const url = 'https://a.tenant.example/';
  for (const name of ['a.tenant.example', 'B.tenant.example', '*.tenant.example']) {
    await (await ask(url)).text();
    expect(await purged(ask, name)).toMatch(/^200 \{"position":\d+,"matched":1\}/);
  }
  for (const name of ['shop.exmaple', '*', 'one', ''])
    expect(await purged(ask, name)).toMatch(/^400 .*E_SELECTOR.*expected a host that a route has, got/);
  expect(logs()).toEqual(['*.tenant.example']);
});

test.each([
  [{ shard: 'tenant' }, 'shop', 'b', 'shop, -'],
  [{}, 'one', 'two', 'one'],
] as const)('an operator names a log of %o', async (coherence, right, wrong, known) => {
  const routes = [{ match: { path: '/shop*' }, tenant: 'shop' }, {}];
  const { isolate } = site({ routes, admin: ADMIN, coherence: { mode: 'strict', ...coherence } });
  const ask = isolate();
  expect(await purged(ask, right)).toMatch(/^200 /);
  expect(await purged(ask, wrong)).toContain(`expected a shard among ${known}, got`);
});

test('a URL that is invalidated or purged finds its own log, and no other', async () => {
  const { isolate } = site({
    routes: [{ match: { host: 'shop.example' } }, { match: { host: '*.tenant.example' } }],
    coherence: { mode: 'strict', shard: 'host' },
    admin: ADMIN,
  });
  const ask = isolate();
  const [url, headers] = ['https://a.tenant.example/', { authorization: 'Bearer secret' }];
  const changed = async (call: string) => {
    const init = { method: 'POST', headers, body: JSON.stringify({ url }) };
    const answer = await ask(`https://shop.example/_tidegate/${call}`, init);
    return `${answer.status} ${await answer.text()}`;
  };
  for (const call of ['invalidate', 'purge', 'invalidate?shard=b.tenant.example']) {
    await (await ask(url)).text();
    expect(await changed(call)).toMatch(/^200 /);
    expect((await ask(url)).headers.get('cache-status')).not.toContain('; hit');
  }
  expect(await changed('invalidate?shard=shop.example')).toMatch(
    /^400 .*expected the shard of https:..a.tenant.example., \*.tenant.example, or none, got/,
  );
});
