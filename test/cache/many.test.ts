import { describe, expect, test } from 'vitest';
import { createValueCache } from '../../src/engine/values/value-cache.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { cacheBench, codeOf, errorOf, settle } from './bench.ts';

describe('many keys', () => {
  test('are filled by one call, with those that are missing', async () => {
    const { cache } = cacheBench();
    cache.set('b', 'stored');
    const asked: (readonly string[])[] = [];
    const fill = (missing: readonly string[]) => {
      asked.push(missing);
      return new Map(missing.map((key) => [key, `filled ${key}`]));
    };
    const values = await cache.getOrSetMany(['a', 'b', 'c', 'a'], fill);
    expect([...values]).toEqual([
      ['a', 'filled a'],
      ['b', 'stored'],
      ['c', 'filled c'],
    ]);
    expect(asked).toEqual([['a', 'c']]);
    expect(cache.get('c')).toBe('filled c');
    expect(cache.stats()).toMatchObject({ misses: 2, hits: 2 });
    await cache.getOrSetMany(['a', 'b'], fill, { refresh: true });
    expect(asked[1]).toEqual(['a', 'b']);
  });

  test('are stored each unless an invalidation overtook it', async () => {
    const { cache } = cacheBench();
    const held = Promise.withResolvers<Map<string, string>>();
    const values = cache.getOrSetMany(['a', 'b'], () => held.promise);
    await settle();
    await cache.invalidate({ keys: ['a'] });
    held.resolve(
      new Map([
        ['a', 'old'],
        ['b', 'good'],
      ]),
    );
    expect([...(await values)]).toEqual([
      ['a', 'old'],
      ['b', 'good'],
    ]);
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 'good']);
  });

  test('are shared with whoever asks meanwhile, one by one or together', async () => {
    const { cache } = cacheBench();
    const held = Promise.withResolvers<Map<string, string>>();
    const first = cache.getOrSetMany(['a', 'b'], () => held.promise);
    await settle();
    const one = cache.getOrSet('a', () => 'asked anew');
    const second = cache.getOrSetMany(['b', 'c'], (missing) => new Map(missing.map((key) => [key, 'second'])));
    await settle();
    held.resolve(
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    );
    expect(await one).toBe('1');
    expect([...(await second)]).toEqual([
      ['b', '2'],
      ['c', 'second'],
    ]);
    await first;
  });

  test.each(['one key', 'several keys'])('are not read where a fill of %s is under way', async (first) => {
    const { cache } = cacheBench();
    const held = Promise.withResolvers<void>();
    const reads: string[] = [];
    const read = async (keys: readonly string[], as: string) => {
      reads.push(...keys.map((key) => `${as} ${key}`));
      await held.promise;
      return new Map(keys.map((key) => [key, as]));
    };
    const before =
      first === 'one key'
        ? cache.getOrSet('a', async () => (await read(['a'], '1st')).get('a'))
        : cache.getOrSetMany<string>(['a', 'z'], (keys) => read(keys, '1st'));
    await settle();
    const batches = ['2nd', '3rd'].map((as) => cache.getOrSetMany<string>(['b', 'a', 'c'], (keys) => read(keys, as)));
    await settle();
    const anew = cache.getOrSetMany<string>(['a'], (keys) => read(keys, 'anew'), { refresh: true });
    await settle();
    held.resolve();
    const got = (await Promise.all(batches)).map((values) => [...values]);
    const all = [
      ['b', '2nd'],
      ['a', '1st'],
      ['c', '2nd'],
    ];
    expect(got).toEqual([all, all]);
    expect(reads).toEqual(['1st a', ...(first === 'one key' ? [] : ['1st z']), '2nd b', '2nd c', 'anew a']);
    expect((await anew).get('a')).toBe('anew');
    await before;
  });

  test('are read again where an invalidation keeps them from what is under way', async () => {
    const { cache } = cacheBench();
    const held = Promise.withResolvers<void>();
    const old = cache.getOrSet('a', () => held.promise.then(() => 'old'), { tags: ['t'] });
    await settle();
    await cache.invalidate({ tags: ['t'] });
    const asked: (readonly string[])[] = [];
    const values = cache.getOrSetMany(['b', 'a'], (keys) => {
      asked.push(keys);
      return new Map(keys.map((key) => [key, 'new']));
    });
    await settle();
    held.resolve();
    expect([...(await values)]).toEqual([
      ['b', 'new'],
      ['a', 'new'],
    ]);
    expect(asked).toEqual([['b'], ['a']]);
    expect([await old, cache.get('a')]).toEqual(['old', 'new']);
  });

  test('read before an invalidation are not given to a key whose fill begins after it', async () => {
    const { cache, engine } = cacheBench();
    const rounds: (readonly string[])[] = [];
    const begin = engine.getOrSet;
    Object.assign(engine, {
      getOrSet: async (...given: Parameters<typeof begin>) => {
        // Between the beginnings of the two, something is invalidated.
        if (given[0] === 'b') await cache.invalidate({ tags: ['t'] });
        return begin(...given);
      },
    });
    const read = (missing: readonly string[]) => {
      rounds.push(missing);
      return new Map(missing.map((key) => [key, `round ${rounds.length}`]));
    };
    const values = await cache.getOrSetMany(['a', 'b'], read, { tags: ['t'] });
    expect(rounds).toEqual([['a', 'b'], ['b']]);
    expect(values.get('b')).toBe('round 2');
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 'round 2']);
  });

  test('of which one has no value reject, and the others are stored', async () => {
    const { cache } = cacheBench();
    const error = await errorOf(() => cache.getOrSetMany(['a', 'b'], () => new Map([['a', 1]])));
    expect(error.code).toBe('E_FILL');
    expect(error.message).toContain('"b"');
    expect(cache.get('a')).toBe(1);
    expect(await codeOf(() => cache.getOrSetMany(['c'], () => ({ c: 1 }) as unknown as Map<string, number>))).toBe(
      'E_FILL',
    );
  });
});

describe('many keys that are due for early refresh', () => {
  test('are filled in the background, by one call', async () => {
    const { cache, time } = cacheBench();
    const asked: (readonly string[])[] = [];
    const fill = async (missing: readonly string[]) => {
      asked.push(missing);
      return new Map(missing.map((key) => [key, `round ${asked.length}`]));
    };
    const options = { ttl: 1_000, earlyRefresh: 0.8 };
    await cache.getOrSetMany(['a', 'b'], fill, options);
    time.advance(500);
    await cache.getOrSetMany(['young'], fill, options);
    time.advance(400);
    const values = await cache.getOrSetMany(['a', 'young', 'b', 'new'], fill, options);
    expect([...values.values()]).toEqual(['round 1', 'round 2', 'round 1', 'round 4']);
    expect(asked.slice(2)).toEqual([['a', 'b'], ['new']]);
    await settle();
    expect([cache.get('a'), cache.get('b'), cache.get('young')]).toEqual(['round 3', 'round 3', 'round 2']);
    expect(cache.stats()).toMatchObject({ misses: 4, fills: 6, collapsed: 0 });
  });

  test('have what their kind says, and tell when it fails', async () => {
    const { cache, time, faults } = cacheBench({ kinds: { user: { ttl: 1_000, earlyRefresh: 0.5 } } });
    await cache.getOrSetMany(['user:1', 'other'], (missing) => new Map(missing.map((key) => [key, 1])));
    time.advance(500);
    const fails = () => Promise.reject(new Error('down'));
    expect((await cache.getOrSetMany<number>(['user:1', 'other'], fails)).get('user:1')).toBe(1);
    await settle();
    expect(faults).toMatchObject([{ code: 'E_FILL', cause: { message: 'down' } }]);
  });

  test('have all of their hard timeout for the fill, however long the slowest look-up takes', async () => {
    const time = new SimulatedTime();
    const slow = Promise.withResolvers<undefined>();
    const memory = createValueMemory({ maxBytes: 1_000_000, maxEntries: 100 });
    const below = { get: (key: string) => (key === 'slow' ? slow.promise : undefined), put: () => undefined };
    const faults: unknown[] = [];
    const engine = createValueCache({
      stores: [memory, { ...below, delete: () => 0, find: () => [] }],
      ...{ names: ['memory', 'below'], hasMemory: true, clock: time, tasks: time, random: () => 0.5, epoch: 'e1' },
      fault: (error) => faults.push(error),
    });
    const { cache } = cacheBench({}, { engine, clock: time, tasks: time });
    await cache.set('a', 'old');
    const asked: (readonly string[])[] = [];
    const fill = (missing: readonly string[]) => {
      asked.push(missing);
      return new Map(missing.map((key) => [key, 'new']));
    };
    const values = cache.getOrSetMany(['a', 'slow'], fill, { earlyRefresh: 0, timeouts: { hard: 100 } });
    await settle();
    time.advance(400);
    slow.resolve(undefined);
    expect([...(await values).values()]).toEqual(['old', 'new']);
    await settle();
    expect([asked, cache.get('a'), faults]).toEqual([[['a'], ['slow']], 'new', []]);
  });

  test('that are wanted anew are all filled', async () => {
    const { cache } = cacheBench();
    cache.set('a', 'stored');
    expect((await cache.getOrSetMany(['a'], () => new Map([['a', 'read']]), { refresh: true })).get('a')).toBe('read');
  });
});
