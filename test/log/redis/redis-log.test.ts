// Data caches that go by a log on a real Redis, each with connections of its own: what one invalidates or sets is in force in all when it
// is acknowledged, whatever becomes of the engine.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Redis as IoRedis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Cache, createCache } from '../../../src/index.ts';
import type { LogChange } from '../../../src/ledger/log.ts';
import { openRedisLog, type RedisLog, type RedisLogOptions } from '../../../src/node/redis-log.ts';
import type { InvalidationLog } from '../../../src/ports.ts';
import { invalidationLogContract } from '../../../src/testing/invalidation-log-contract.ts';
import { NO_REDIS, Redis, START_MS } from '../../kit/redis.ts';
import { Dice } from '../../sim/dice.ts';

let redis: Redis | undefined;
let names = 0;

beforeAll(async () => {
  redis = await Redis.start();
}, START_MS);
beforeEach((context) => context.skip(redis === undefined, NO_REDIS));
afterAll(() => redis?.end());

const LEASE_MS = 800;

interface Joined {
  readonly log: RedisLog;
  readonly cache: Cache;
  readonly faults: unknown[];
}

type Other = Partial<RedisLogOptions>;

async function connected() {
  const client = createClient({ url: redis?.url as string });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

async function join(name: string, { client, ...other }: Other = {}): Promise<Joined> {
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  const own = client ?? (await connected());
  const log = await openRedisLog({ client: own, name, lease: LEASE_MS, onFault, ...other });
  onTestFinished(() => log.close());
  return { log, cache: createCache({ log }), faults };
}

const newName = () => `test-${++names}`;

/** Nobody serves less for not knowing that a write is under way, so that is not waited for: here all ask. */
class Asking implements InvalidationLog {
  readonly opened: RedisLog;
  readonly #log: InvalidationLog;
  readonly #all: () => readonly Asking[];

  constructor(opened: RedisLog, all: () => readonly Asking[]) {
    this.opened = opened;
    this.#log = opened.history().log;
    this.#all = all;
  }

  follow(apply: Parameters<InvalidationLog['follow']>[0]): void {
    this.#log.follow(apply);
  }

  async append(change: LogChange): Promise<number> {
    const position = await this.#log.append(change);
    if (change.kind !== 'invalidate') for (const { opened } of this.#all()) await opened.renew();
    return position;
  }
}

describe('the contract', () => {
  invalidationLogContract({
    test: (name, run) => test(name, run, 20_000),
    makeLog: async () => {
      const name = newName();
      const all: Asking[] = [];
      for (let at = 0; at < 3; at++) {
        const client = await connected();
        all.push(new Asking(await openRedisLog({ client, name, lease: LEASE_MS }), () => all));
      }
      return all;
    },
    endLog: async (members) => {
      await Promise.all(members.map((member) => (member as Asking).opened.close()));
    },
  });
});

describe('two caches', () => {
  test('of node-redis and of ioredis hear of each other', async () => {
    const name = newName();
    const io = new IoRedis(redis?.port as number, '127.0.0.1');
    onTestFinished(() => io.disconnect());
    const [one, other] = [await join(name), await join(name, { client: io })];
    await one.cache.set('user:7', 'Ada');
    expect(await other.cache.getOrSet('user:7', () => 'Ada')).toBe('Ada');
    expect(await other.cache.get('user:7')).toBe('Ada');
    await one.cache.set('user:7', 'Grace');
    expect(await other.cache.get('user:7')).toBeUndefined();
    expect(await one.cache.get('user:7')).toBe('Grace');
    await other.cache.getOrSet('list', () => [1], { tags: ['users'] });
    await one.cache.invalidate({ tags: ['users'] });
    expect(await other.cache.get('list')).toBeUndefined();
    await other.cache.delete('user:7');
    expect(await one.cache.get('user:7')).toBeUndefined();
  });

  test('of which one has versions, long keys and namespaces that the other does not know of', async () => {
    const name = newName();
    const [one, other] = [await join(name), await join(name)];
    const versioned = createCache({ log: one.log, version: '2' });
    const long = `k${'x'.repeat(600)}`;
    const inside = one.cache.namespace('n', { version: '3' });
    const fill = async () => {
      await Promise.all([versioned.set('a', 1), one.cache.set(long, 1), inside.set('b', 1)]);
      expect([await versioned.get('a'), await one.cache.get(long), await inside.get('b')]).toEqual([1, 1, 1]);
    };
    const outdates = async (what: Parameters<Cache['invalidate']>[0]) => {
      await fill();
      await other.cache.invalidate(what);
      return [await versioned.get('a'), await one.cache.get(long), await inside.get('b')];
    };
    expect(await outdates({ keys: ['a'] })).toEqual([undefined, 1, 1]);
    expect(await outdates({ keys: [long] })).toEqual([1, undefined, 1]);
    expect(await outdates({ pattern: 'kx*' })).toEqual([1, undefined, 1]);
    expect(await outdates({ namespace: 'n' })).toEqual([1, 1, undefined]);
    expect(await outdates({ all: true })).toEqual([undefined, undefined, undefined]);
  });

  test('of other names hear nothing of each other', async () => {
    const [one, other] = [await join(newName()), await join(newName())];
    await other.cache.set('a', 1);
    await one.cache.invalidate({ keys: ['a'] });
    expect(await other.cache.get('a')).toBe(1);
  });

  test('may set many values at once, and all are there', async () => {
    const name = newName();
    const [one, other] = [await join(name), await join(name)];
    const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
    const done = await Promise.all(keys.map((key, at) => (at % 2 === 0 ? one : other).cache.set(key, at)));
    expect(done).toEqual(keys.map(() => true));
    expect([await one.cache.get('k48'), await other.cache.get('k49'), await other.cache.get('k48')]).toEqual([
      48,
      49,
      undefined,
    ]);
  });

  test('of which one leaves do not wait for it', async () => {
    const name = newName();
    const [one, other] = [await join(name), await join(name)];
    await one.cache.invalidate({ tags: ['before'] });
    await other.log.close();
    const began = performance.now();
    await one.cache.invalidate({ tags: ['a'] });
    expect(performance.now() - began).toBeLessThan(LEASE_MS);
    expect(other.cache.get('a')).toBeUndefined();
    await expect(other.cache.set('a', 1)).rejects.toThrow('expected a log that goes on');
  });
});

describe('three caches under random reads and writes', { timeout: 60_000 }, () => {
  test('give nothing that was outdated when they were asked', async () => {
    const name = newName();
    const all = [await join(name), await join(name), await join(name)];
    const dice = new Dice(7);
    const truth = new Map<string, number>();
    const acknowledged = new Map<string, number>();
    const counts = { hits: 0, reads: 0, outdated: 0 };
    const read = async (cache: Cache) => {
      const key = `k${dice.below(8)}`;
      const least = acknowledged.get(key) ?? 0;
      let isHit = true;
      const got = await cache.getOrSet(key, async () => {
        isHit = false;
        const found = truth.get(key) ?? 0;
        await new Promise((resolve) => setTimeout(resolve, dice.below(4)));
        return found;
      });
      counts.reads++;
      if (isHit) counts.hits++;
      if (Number(got) < least) counts.outdated++;
    };
    const write = async (cache: Cache) => {
      const key = `k${dice.below(8)}`;
      const version = (truth.get(key) ?? 0) + 1;
      truth.set(key, version);
      await (dice.chance(0.5) ? cache.invalidate({ keys: [key] }) : cache.delete(key));
      acknowledged.set(key, Math.max(version, acknowledged.get(key) ?? 0));
    };
    const clients = all.flatMap(({ cache }) => [0, 1, 2].map(() => cache));
    await Promise.all(
      clients.map(async (cache) => {
        for (let at = 0; at < 400; at++) await (dice.chance(0.1) ? write(cache) : read(cache));
      }),
    );
    expect(counts).toMatchObject({ outdated: 0 });
    expect(counts.hits).toBeGreaterThan(counts.reads / 10);
    expect(all.map(({ faults }) => faults)).toEqual([[], [], []]);
  });
});

describe('an engine', { timeout: 30_000 }, () => {
  test('that stands still: nothing is served once the lease is over, writes fail, and then all goes on', async () => {
    const { cache, log } = await join(newName());
    await cache.set('a', 1);
    redis?.signal('SIGSTOP');
    onTestFinished(() => redis?.signal('SIGCONT'));
    const began = performance.now();
    await expect(cache.invalidate({ tags: ['b'] })).rejects.toThrow('expected an answer of the log within 1800 ms');
    expect(performance.now() - began).toBeLessThan(LEASE_MS + 1_500);
    await expect.poll(() => cache.get('a'), { timeout: 5_000 }).toBeUndefined();
    expect(log.isLeased()).toBe(false);
    expect(await cache.getOrSet('a', () => 2)).toBe(2);
    await expect(cache.set('a', 3)).rejects.toThrow('expected an answer of the log within');
    redis?.signal('SIGCONT');
    await expect.poll(() => log.isLeased(), { timeout: 10_000 }).toBe(true);
    expect(await cache.set('a', 4)).toBe(true);
    expect(await cache.get('a')).toBe(4);
  });

  test('that is killed and has lost everything: what was stored before is outdated, and caches hear of each other again', async () => {
    const name = newName();
    const [one, other] = [await join(name), await join(name)];
    await one.cache.set('a', 1);
    await other.cache.set('b', 1);
    await redis?.kill();
    await redis?.begin();
    await expect.poll(() => one.log.stats().flushes + other.log.stats().flushes, { timeout: 15_000 }).toBe(2);
    expect([await one.cache.get('a'), await other.cache.get('b')]).toEqual([undefined, undefined]);
    await one.cache.set('c', 1);
    await other.cache.invalidate({ keys: ['c'] });
    expect(await one.cache.get('c')).toBeUndefined();
  });
});

test('a process that stands still is waited for no longer than its lease, and serves nothing old when it wakes', async () => {
  const name = newName();
  const { cache } = await join(name);
  const child = fork(new URL('member.ts', import.meta.url), [redis?.url as string, name, String(LEASE_MS)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [ready] = await once(child, 'message');
  expect(ready).toBe('has a');
  child.kill('SIGSTOP');
  const began = performance.now();
  await cache.invalidate({ keys: ['a'] });
  const waited = performance.now() - began;
  expect(waited).toBeGreaterThan(LEASE_MS / 4);
  expect(waited).toBeLessThan(LEASE_MS + 1_000);
  const said = once(child, 'message');
  child.send('a?');
  child.kill('SIGCONT');
  expect((await said)[0]).toBe('none');
}, 20_000);

describe('what is wrong is told', () => {
  test.each([
    ['another client', { client: {} as never }, 'expected client to be one of node-redis or ioredis'],
    ['a name with braces', { name: '{a}' }, 'letters, digits, dots'],
    ['a short lease', { lease: 10 }, 'expected lease to be 500 ms to a minute, got 10'],
  ])('%s', async (_, other: Other, text) => {
    const client = await connected();
    await expect(openRedisLog({ client, ...other })).rejects.toThrow(text);
  });

  test('a lease unlike that of the others', async () => {
    const name = newName();
    await join(name);
    await expect(join(name, { lease: '5s' })).rejects.toThrow(`the lease of the others of the log ${name}, 800 ms`);
  });

  test('an engine that evicts', async () => {
    const client = await connected();
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru']);
    onTestFinished(() => client.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']).then(() => {}));
    await expect(openRedisLog({ client })).rejects.toThrow('set maxmemory-policy noeviction');
  });

  test('a log of a later format', async () => {
    const name = newName();
    const client = await connected();
    await client.sendCommand(['HSET', `tidegate:{${name}}:meta`, 'format', '9', 'epoch', 'e']);
    await expect(openRedisLog({ client, name })).rejects.toThrow('expected a log of format 2 or older, got format 9');
  });
});
