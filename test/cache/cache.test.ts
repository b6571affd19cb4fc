import { describe, expect, test } from 'vitest';
import { createCache } from '../../src/cache/create-cache.ts';
import { cacheBench, codeOf, errorOf } from './bench.ts';

describe('a value', () => {
  test('is given at once, without a promise', () => {
    const { cache } = cacheBench();
    expect(cache.set('k', { a: 1 })).toBe(true);
    expect(cache.get('k')).toEqual({ a: 1 });
    expect(cache.has('k')).toBe(true);
    expect(cache.getOrSet('k', () => 2)).toEqual({ a: 1 });
    expect(cache.getMany(['x', 'k'])).toEqual(new Map([['k', { a: 1 }]]));
    expect(cache.get('x')).toBeUndefined();
    expect(cache.has('x')).toBe(false);
  });

  test('stays 5 minutes unless something else is said', async () => {
    const { cache, time } = cacheBench({ defaults: { ttl: '2h' }, kinds: { user: { ttl: '1h' } } });
    const plain = cacheBench();
    plain.cache.set('k', 1);
    plain.time.advance(299_999);
    expect(plain.cache.get('k')).toBe(1);
    plain.time.advance(1);
    expect(plain.cache.get('k')).toBeUndefined();
    const brief = cache.namespace('brief', { defaults: { ttl: '1s' } });
    for (const [key, at, ms] of [
      ['k', cache, 7_200_000],
      ['user:1', cache, 3_600_000],
      ['k', brief, 1000],
    ] as const) {
      at.set(key, 1);
      time.advance(ms - 1);
      expect(at.get(key)).toBe(1);
      time.advance(1);
      expect(at.get(key)).toBeUndefined();
    }
    cache.set('user:1', 1, { ttl: 10 });
    time.advance(10);
    expect(cache.get('user:1')).toBeUndefined();
  });

  test('that an invalidation overtook since its stamp is not stored', async () => {
    const { cache } = cacheBench();
    const stamp = cache.stamp();
    await cache.invalidate({ tags: ['t'] });
    expect(await cache.set('k', 'old', { stamp, tags: ['t'] })).toBe(false);
    expect(await cache.set('k', 'other', { stamp, tags: ['u'] })).toBe(true);
    expect(
      await cache.setMany([
        { key: 'a', value: 1, options: { stamp, tags: ['t'] } },
        { key: 'b', value: 2 },
      ]),
    ).toEqual([false, true]);
  });

  test('is removed by its key, and counted', async () => {
    const { cache } = cacheBench();
    cache.setMany([1, 2, 3].map((n) => ({ key: `k${n}`, value: n })));
    expect(await cache.delete('k1')).toBe(true);
    expect(await cache.delete('k1')).toBe(false);
    expect(await cache.deleteMany(['k2', 'k2', 'k3', 'x'])).toBe(2);
    expect(cache.stats().memory.entries).toBe(0);
  });
});

describe('a fill', () => {
  test('is given its key as the namespace calls it, and may change what holds for the entry', async () => {
    const { cache, time } = cacheBench();
    const users = cache.namespace('users');
    const value = await users.getOrSet(
      '1',
      (fill) => {
        fill.setTtl('1s');
        fill.setGrace('1m');
        fill.setTags(['late']);
        fill.addTables(['users']);
        fill.setValidator('v1');
        return fill.key;
      },
      { tags: ['early'], tables: ['accounts'] },
    );
    expect(value).toBe('1');
    const [entry] = await listed(cache);
    expect(entry).toMatchObject({ key: 'users:1', state: 'fresh', ageMs: 0, ttlMs: 1000 });
    expect([...(entry?.tags ?? [])].sort()).toEqual(['late', 'table:accounts', 'table:users']);
    time.advance(1000);
    const again = await users.getOrSet('1', (fill) => `${fill.previous?.value} ${fill.previous?.validator}`);
    expect(again).toBe('1 v1');
    expect(await users.getOrSet('1', () => 'never')).toBe('1 v1');
  });

  test('that fails rejects with E_FILL and its cause, or gives the stale value in grace', async () => {
    const { cache, time } = cacheBench();
    const cause = new Error('no database');
    const fails = () => {
      throw cause;
    };
    const error = await errorOf(() => cache.getOrSet('k', fails));
    expect([error.code, error.cause]).toEqual(['E_FILL', cause]);
    expect((await errorOf(() => cache.getOrSet('k', (fill) => fill.fail('because')))).message).toContain('because');
    await cache.getOrSet('k', () => 'good', { ttl: 1000, grace: '1m' });
    time.advance(1000);
    expect(await cache.getOrSet('k', fails)).toBe('good');
  });

  test('that skips is not stored, and one that finds nothing modified keeps what was', async () => {
    const { cache, time } = cacheBench();
    expect(await cache.getOrSet('k', (fill) => fill.skip(1))).toBe(1);
    expect(cache.get('k')).toBeUndefined();
    await cache.getOrSet('k', () => 'good', { ttl: 1000 });
    time.advance(1000);
    expect(await cache.getOrSet('k', (fill) => fill.notModified(), { ttl: 1000 })).toBe('good');
    expect(cache.get('k')).toBe('good');
  });

  test('of nothing has its own ttl', async () => {
    const { cache, time } = cacheBench();
    await cache.getOrSet('k', () => null, { ttl: '1h', nullTtl: '1s' });
    expect(cache.get('k')).toBeNull();
    time.advance(1000);
    expect(cache.get('k')).toBeUndefined();
  });

  test('begun before an invalidation by tag, table, namespace or event is not stored', async () => {
    const { cache } = cacheBench({ kinds: { user: { invalidateOn: ['user.saved'] } } });
    const ways = [
      () => cache.invalidate({ tags: ['late'] }),
      () => cache.invalidate({ tables: ['users'] }),
      () => cache.invalidate({ namespace: 'a' }),
      () => cache.namespace('a').invalidate({ all: true }),
      () => cache.namespace('a').clear(),
      () => cache.namespace('a').invalidate({ tags: ['late'] }),
      () => cache.emit('user.saved', { id: 7 }),
      () => cache.clear(),
    ];
    for (const invalidate of ways) {
      const held = Promise.withResolvers<string>();
      const value = cache.namespace('a').getOrSet('user:7', (fill) => {
        fill.setTags(['late']);
        fill.addTables(['users']);
        return held.promise;
      });
      await invalidate();
      held.resolve('old');
      expect(await value).toBe('old');
      expect(cache.namespace('a').get('user:7'), String(invalidate)).toBeUndefined();
    }
  });
});

describe('an option', () => {
  test('that is misspelt or of another form is refused', async () => {
    const { cache } = cacheBench();
    const bad: [object, string][] = [
      [{ tagz: ['a'] }, 'E_CONFIG'],
      [{ ttl: '5 m' }, 'E_TTL'],
      [{ grace: -1 }, 'E_TTL'],
      [{ nullTtl: 'x' }, 'E_TTL'],
      [{ timeouts: { soft: 'x' } }, 'E_TTL'],
      [{ timeouts: { sotf: 1 } }, 'E_CONFIG'],
      [{ tags: 'a' }, 'E_TAG'],
      [{ tags: [''] }, 'E_TAG'],
      [{ tags: ['x'.repeat(257)] }, 'E_TAG'],
      [{ tags: [1] }, 'E_TAG'],
      [{ tags: Array.from({ length: 129 }, (_, n) => `t${n}`) }, 'E_TAG'],
      [{ tables: [''] }, 'E_TAG'],
      [{ earlyRefresh: 1.5 }, 'E_CONFIG'],
      [{ kind: 'contnet' }, 'E_CONFIG'],
      [{ tiers: 'disk' }, 'E_CONFIG'],
    ];
    for (const [options, code] of bad) {
      expect(await codeOf(() => cache.getOrSet('k', () => 1, options)), JSON.stringify(options)).toBe(code);
    }
    expect(await codeOf(() => cache.set('k', 1, { refresh: true, stamp: cache.stamp() } as object))).toBe('E_CONFIG');
    expect(await codeOf(() => cacheBench({ defaults: { ttl: 'x' as '1s' } }))).toBe('E_TTL');
    expect(await codeOf(() => createCache({ rollout: 2 }))).toBe('E_CONFIG');
    expect(await codeOf(() => cache.get(''))).toBe('E_KEY');
    expect(cache.stats().fills).toBe(0);
  });
});

describe('an operator', () => {
  test('sees what is stored, by tag and by pattern, in the words of the namespace', async () => {
    const { cache, time } = cacheBench({ version: '3' });
    const users = cache.namespace('users');
    users.set('1', 'a', { tags: ['red'], ttl: 1000 });
    users.set('2', 'b', { tags: ['blue'], ttl: Number.POSITIVE_INFINITY });
    cache.set('other', 'c', { tags: ['red'] });
    time.advance(2000);
    expect((await listed(users)).map(({ key, state, ageMs, ttlMs, tags }) => [key, state, ageMs, ttlMs, tags])).toEqual(
      [
        ['1', 'stale', 2000, -1000, ['red']],
        ['2', 'fresh', 2000, Number.POSITIVE_INFINITY, ['blue']],
      ],
    );
    expect((await listed(cache)).map(({ key }) => key)).toEqual(['other', 'users:1', 'users:2']);
    expect((await listed(cache, { tag: 'red' })).map(({ key }) => key)).toEqual(['other', 'users:1']);
    expect((await listed(users, { tag: 'red' })).map(({ key }) => key)).toEqual(['1']);
    expect((await listed(cache, { pattern: 'users:?', tag: 'blue' })).map(({ key }) => key)).toEqual(['users:2']);
    expect(cache.stats()).toMatchObject({ sets: 3, hits: 0, misses: 0, memory: { entries: 3 } });
  });

  test('expires a key: what is in grace is given while its fill fails', async () => {
    const { cache } = cacheBench({ defaults: { grace: '1h' } });
    cache.set('k', 'good');
    expect(await cache.expire('k')).toBe(true);
    expect(await cache.expire('x')).toBe(false);
    expect(cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', (fill) => fill.fail('down'))).toBe('good');
    await cache.invalidate({ keys: ['k'] });
    expect(await codeOf(() => cache.getOrSet('k', (fill) => fill.fail('down')))).toBe('E_FILL');
  });
});

async function listed(cache: ReturnType<typeof cacheBench>['cache'], selection?: { tag?: string; pattern?: string }) {
  const entries = [];
  for await (const entry of cache.entries(selection)) entries.push(entry);
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}
