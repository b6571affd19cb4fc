// Values in a real Redis: the contract of a store, and caches of several processes that share what they have stored.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as inFolder } from 'node:path';
import { Redis as IoRedis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { storeTier } from '../../../src/cache/store-tier.ts';
import { type Cache, createCache } from '../../../src/index.ts';
import { openDiskTier } from '../../../src/node/disk-tier.ts';
import { openRedisLog, redisStore } from '../../../src/node/redis-log.ts';
import { byteStoreContract } from '../../../src/testing/byte-store-contract.ts';
import { NO_REDIS, Redis, START_MS } from '../../kit/redis.ts';
import { Dice } from '../../sim/dice.ts';

let redis: Redis | undefined;
let names = 0;

beforeAll(async () => {
  redis = await Redis.start();
}, START_MS);
beforeEach((context) => context.skip(redis === undefined, NO_REDIS));
afterAll(() => redis?.end());

const newName = () => `values-${++names}`;

async function nodeRedis() {
  const client = createClient({ url: redis?.url as string });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

function ioRedis() {
  const client = new IoRedis(redis?.port as number, '127.0.0.1');
  onTestFinished(() => client.disconnect());
  return client;
}

describe.each([
  ['node-redis', nodeRedis],
  ['ioredis', ioRedis],
])('over %s', (_, connect) => {
  byteStoreContract({
    test: (name, run) => test(name, run, 20_000),
    makeStore: async () => redisStore({ client: await connect(), name: newName() }),
  });
});

const LEASE_MS = 2_000;

/** A cache as a process has it: with connections, a log and a store of its own. */
async function join(name: string) {
  const client = await nodeRedis();
  const log = await openRedisLog({ client, name, lease: LEASE_MS });
  onTestFinished(() => log.close());
  const tier = storeTier({ name: 'redis', store: redisStore({ client, name }) });
  return { log, cache: createCache({ log, tiers: [tier], memory: { maxEntries: 3 } }) };
}

describe('caches of several processes', { timeout: 60_000 }, () => {
  test('share what one of them has filled, also one that begins later', async () => {
    const name = newName();
    const [one, other] = [await join(name), await join(name)];
    let fills = 0;
    const fill = () => ++fills;
    expect(await one.cache.getOrSet('a', fill, { tags: ['t'] })).toBe(1);
    await expect.poll(() => other.cache.get('a')).toBe(1);
    const late = await join(name);
    expect(await late.cache.getOrSet('a', fill)).toBe(1);
    await other.cache.invalidate({ tags: ['t'] });
    expect([await one.cache.get('a'), await late.cache.get('a')]).toEqual([undefined, undefined]);
    // What is there is outdated, and stays so for one that begins after that.
    expect(await (await join(name)).cache.get('a')).toBeUndefined();
    expect(await late.cache.getOrSet('a', fill)).toBe(2);
    await expect.poll(() => one.cache.get('a')).toBe(2);
  });

  test('give nothing of an epoch that has ended', async () => {
    const name = newName();
    const one = await join(name);
    await one.cache.set('a', 1);
    const client = await nodeRedis();
    await client.del(`tidegate:{${name}}:meta`);
    await one.log.renew();
    expect(await one.cache.get('a')).toBeUndefined();
    expect(await (await join(name)).cache.get('a')).toBeUndefined();
  });

  test('give nothing that was outdated when they were asked', async () => {
    const name = newName();
    const caches = [await join(name), await join(name), await join(name)].map(({ cache }) => cache);
    const dice = new Dice(11);
    const truth = new Map<string, number>();
    const acknowledged = new Map<string, number>();
    const counts = { reads: 0, fills: 0, outdated: 0 };
    await Promise.all(
      caches
        .flatMap((cache) => [cache, cache, cache])
        .map(async (cache) => {
          for (let at = 0; at < 300; at++) {
            const key = `k${dice.below(10)}`;
            if (dice.chance(0.06)) {
              const version = (truth.get(key) ?? 0) + 1;
              truth.set(key, version);
              if (dice.chance(0.3)) await cache.set(key, version, { tags: [key] });
              else await (dice.chance(0.5) ? cache.invalidate({ tags: [key] }) : cache.delete(key));
              acknowledged.set(key, Math.max(version, acknowledged.get(key) ?? 0));
              continue;
            }
            const least = acknowledged.get(key) ?? 0;
            const fill = async () => {
              counts.fills++;
              const found = truth.get(key) ?? 0;
              await new Promise((resolve) => setTimeout(resolve, dice.below(4)));
              return found;
            };
            counts.reads++;
            if (Number(await cache.getOrSet(key, fill, { tags: [key] })) < least) counts.outdated++;
          }
        }),
    );
    expect(counts).toMatchObject({ outdated: 0 });
    expect(counts.fills).toBeLessThan(counts.reads / 2);
  });
});

test('what a disk tier has outlives the process, but for what others invalidated meanwhile', async () => {
  const name = newName();
  const path = mkdtempSync(inFolder(tmpdir(), 'tidegate-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  const other = await join(name);
  const life = async (use: (cache: Cache) => Promise<void>) => {
    const log = await openRedisLog({ client: await nodeRedis(), name, lease: LEASE_MS });
    const cache = createCache({ log, memory: false, tiers: [await openDiskTier({ path, maxBytes: 2 ** 24 })] });
    await use(cache);
    await cache.close();
    await log.close();
  };
  await life(async (cache) => {
    expect([await cache.set('a', 1), await cache.set('b', 1)]).toEqual([true, true]);
  });
  await other.cache.invalidate({ keys: ['b'] });
  await life(async (cache) => expect([await cache.get('a'), await cache.get('b')]).toEqual([1, undefined]));
});

test('what is wrong is told', () => {
  expect(() => redisStore({ client: {} as never })).toThrow('expected client to be one of node-redis or ioredis');
  expect(() => redisStore({ client: {} as never, name: '{a}' })).toThrow('letters, digits, dots');
});
