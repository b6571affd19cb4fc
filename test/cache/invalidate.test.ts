import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cache, CacheTier, Invalidation } from '../../src/cache/contract.ts';
import { globMatcher } from '../../src/ledger/glob.ts';
import { cacheBench, codeOf, errorOf } from './bench.ts';

describe('an invalidation', () => {
  test('reaches what it names and nothing else', async () => {
    const ways: [Invalidation, string[]][] = [
      [{ keys: ['a:1'] }, ['a:1']],
      [{ keys: ['a:1', 'b'] }, ['a:1', 'b']],
      [{ tags: ['red'] }, ['a:1', 'b']],
      [{ tables: ['users'] }, ['a:2']],
      [{ pattern: 'a:*' }, ['a:1', 'a:2']],
      [{ pattern: ['a:?', 'c'] }, ['a:1', 'a:2', 'c']],
      [{ namespace: 'a' }, ['a:1', 'a:2']],
      [{ all: true }, ['a:1', 'a:2', 'b', 'c']],
      [{ keys: [], tags: ['red'], tables: ['users'] }, ['a:1', 'a:2', 'b']],
    ];
    for (const [what, expected] of ways) {
      const { cache } = cacheBench();
      cache.set('a:1', 1, { tags: ['red'] });
      cache.set('a:2', 1, { tables: ['users'] });
      cache.set('b', 1, { tags: ['red', 'blue'] });
      cache.set('c', 1);
      await cache.invalidate(what);
      expect(
        ['a:1', 'a:2', 'b', 'c'].filter((key) => cache.get(key) === undefined),
        JSON.stringify(what),
      ).toEqual(expected);
    }
  });

  test.each(['files/', 'files/*', 'app:files/', 'files§', 'app:files§', 'app:files§*', 'a§b:files'])(
    'reaches what names the table %s, and no other',
    async (table) => {
      const { cache } = cacheBench();
      cache.set('own', 1, { tables: [table] });
      cache.set('other', 1, { tables: ['app:folders', 'folders'] });
      await cache.invalidate({ tables: [table] });
      expect([cache.get('own'), cache.get('other')]).toEqual([undefined, 1]);
    },
  );

  test('of a table with a slash at its end leaves the table without one', async () => {
    const { cache } = cacheBench();
    cache.set('a', 1, { tables: ['files'] });
    await cache.invalidate({ tables: ['files/'] });
    expect(cache.get('a')).toBe(1);
  });

  test('that names nothing, or has a name that is none, is refused', async () => {
    const { cache, invalidated } = cacheBench();
    const bad = [
      ...[
        {},
        { keys: [] },
        { tags: [], pattern: [] },
        { soft: true },
        { all: false },
        { all: 'yes' },
        undefined,
        null,
        'a',
      ],
      ...[
        { tag: ['a'] },
        { key: 'a' },
        { keys: 'a' },
        { tags: 'a' },
        { pattern: '' },
        { pattern: [1] },
        { pattern: 1 },
        { namespace: '' },
      ],
      ...[{ keys: ['a'], namespaces: 'x' }, { keys: ['a'], soft: 'yes' }, { tables: {} }],
    ];
    for (const what of bad) {
      expect(await codeOf(() => cache.invalidate(what as Invalidation)), JSON.stringify(what)).toBe('E_SELECTOR');
    }
    expect((await errorOf(() => cache.invalidate({ tagz: ['a'] } as Invalidation))).message).toContain('"tagz"');
    expect(await codeOf(() => cache.invalidate({ keys: [''] }))).toBe('E_KEY');
    expect(await codeOf(() => cache.invalidate({ tags: [''] }))).toBe('E_TAG');
    expect(invalidated).toEqual([]);
  });

  test('of a bad part does nothing of the good parts', async () => {
    const { cache } = cacheBench();
    cache.set('a', 1);
    expect(await codeOf(() => cache.invalidate({ keys: ['a'], tags: [''] }))).toBe('E_TAG');
    expect(cache.get('a')).toBe(1);
  });
});

describe('a pattern', () => {
  /** Short texts of few characters, so that patterns meet keys; and some too long to be kept. */
  const word = fc.array(fc.constantFrom('a', 'b', ':', '\n', '§', '*', '\\', 'x'.repeat(300), 'é'), {
    minLength: 1,
    maxLength: 6,
  });
  const glob = fc.array(fc.constantFrom('a', 'b', ':', '*', '?', '\\', '\n', '§', 'é', 'x'.repeat(300)), {
    minLength: 1,
    maxLength: 5,
  });
  const place = fc.constantFrom('whole', 'space', 'versioned', 'nested');

  test('reaches every key that it matches, long ones and versions too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 5 }), glob, place, async (words, globs, where) => {
        const bench = cacheBench(where === 'versioned' ? { version: '7' } : {});
        const root: Cache = bench.cache;
        const spaces: Record<string, Cache> = {
          ...{ whole: root, versioned: root, space: root.namespace('n*') },
          nested: root.namespace('n', { version: '2' }),
        };
        const cache = spaces[where] as Cache;
        const keys = words.map((parts) => parts.join(''));
        for (const key of keys) cache.set(key, key);
        const pattern = globs.join('');
        await cache.invalidate({ pattern });
        const matches = globMatcher(pattern);
        for (const key of keys)
          if (matches(key)) expect(cache.get(key), JSON.stringify([key, pattern])).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('of the whole cache reaches the keys of namespaces, whatever their versions', async () => {
    const { cache } = cacheBench();
    const users = cache.namespace('users', { version: '2' });
    users.set('1', 'a');
    users.set('2', 'b');
    await cache.invalidate({ pattern: 'users:1' });
    expect([users.get('1'), users.get('2')]).toEqual([undefined, 'b']);
  });

  test('costs one selector where one will do', async () => {
    const { cache, invalidated } = cacheBench();
    await cache.namespace('a').invalidate({ pattern: ['x:*', '?'] });
    cache.get('long'.repeat(200));
    await cache.invalidate({ pattern: 'x:*' });
    expect(invalidated).toEqual([
      { kind: 'pattern', pattern: 'a:x:*' },
      { kind: 'pattern', pattern: 'a:?' },
      { kind: 'pattern', pattern: 'x:*' },
    ]);
  });
});

describe('a namespace', () => {
  test('is part of its cache: what begins with its name', () => {
    const { cache } = cacheBench();
    cache.namespace('a').set('x', 1);
    expect(cache.get('a:x')).toBe(1);
    cache.set('a:b:y', 2);
    expect(cache.namespace('a').namespace('b').get('y')).toBe(2);
    expect(cache.namespace('a:b').get('y')).toBeUndefined();
  });

  test('with another version does not see what was stored before', () => {
    const { cache } = cacheBench();
    cache.namespace('a', { version: '1' }).set('x', 1);
    expect(cache.namespace('a', { version: '2' }).get('x')).toBeUndefined();
    expect(cache.namespace('a').get('x')).toBeUndefined();
    expect(cache.namespace('a', { version: '1' }).get('x')).toBe(1);
  });

  test('keeps what it invalidates to itself', async () => {
    const names = ['a', 'a:b', 'ab', 'a*', 'b'];
    const ways: ((cache: Cache) => Promise<unknown>)[] = [
      (cache) => cache.clear(),
      (cache) => cache.invalidate({ all: true }),
      (cache) => cache.invalidate({ tags: ['red'] }),
      (cache) => cache.invalidate({ pattern: '*' }),
      (cache) => cache.invalidate({ keys: ['x'] }),
      (cache) => cache.emit('saved', { id: 'x' }),
    ];
    for (const way of ways) {
      for (const name of names) {
        const { cache } = cacheBench({ kinds: { x: { keys: ['x'], invalidateOn: ['saved'] } } });
        for (const other of names) cache.namespace(other).set('x', 1, { tags: ['red'] });
        cache.set('x', 1, { tags: ['red'] });
        await way(cache.namespace(name));
        const gone = names.filter((other) => cache.namespace(other).get('x') === undefined);
        expect(gone, `${name} ${way}`).toEqual([name]);
        expect(cache.get('x')).toBe(1);
      }
    }
  });

  test('hears what is invalidated around it, and tables everywhere', async () => {
    const ways: ((cache: Cache) => Promise<unknown>)[] = [
      (cache) => cache.invalidate({ tags: ['red'] }),
      (cache) => cache.namespace('a').invalidate({ tags: ['red'] }),
      (cache) => cache.namespace('a').clear(),
      (cache) => cache.invalidate({ namespace: 'a' }),
      (cache) => cache.namespace('a').invalidate({ namespace: 'b' }),
      (cache) => cache.emit('saved'),
      (cache) => cache.namespace('a').emit('saved', { id: '7' }),
      (cache) => cache.namespace('elsewhere').invalidate({ tables: ['t'] }),
      (cache) => cache.clear(),
    ];
    for (const way of ways) {
      const { cache } = cacheBench({ kinds: { user: { invalidateOn: ['saved'] } } });
      const inner = cache.namespace('a').namespace('b');
      inner.set('user:7', 1, { tags: ['red'], tables: ['t'] });
      await way(cache);
      expect(inner.get('user:7'), String(way)).toBeUndefined();
    }
  });

  test('reaches what was stored in it from outside', async () => {
    const ways: ((cache: Cache) => Promise<unknown>)[] = [
      (cache) => cache.namespace('b').clear(),
      (cache) => cache.namespace('b').invalidate({ all: true }),
      (cache) => cache.namespace('b').invalidate({ tags: ['red'] }),
      (cache) => cache.invalidate({ namespace: 'b' }),
    ];
    for (const way of ways) {
      for (const outer of ['', 'a'] as const) {
        const { cache } = cacheBench();
        const outside = outer === '' ? cache : cache.namespace(outer);
        outside.set('b:x', 1, { tags: ['red'] });
        const held = Promise.withResolvers<number>();
        const filling = outside.getOrSet('b:y', () => held.promise, { tags: ['red'] });
        await way(outside);
        held.resolve(1);
        await filling;
        expect([outside.get('b:x'), outside.get('b:y')], String(way)).toEqual([undefined, undefined]);
      }
    }
  });

  test('costs one selector as long as nothing was stored in it from outside', async () => {
    const { cache, invalidated } = cacheBench();
    cache.namespace('a').set('x:y', 1);
    await cache.namespace('a').invalidate({ all: true });
    expect(invalidated).toHaveLength(1);
    cache.set('a:x', 1);
    await cache.namespace('a').invalidate({ all: true });
    expect(invalidated).toHaveLength(3);
  });

  test('trusts in nothing where slower tiers may hold anything', async () => {
    // Its entries may be of a process before this one.
    const { cache, invalidated } = cacheBench({}, { tiers: [{ name: 'kept', history: {} } as CacheTier] });
    await cache.namespace('a').invalidate({ all: true, tags: ['red'] });
    expect(invalidated).toContainEqual({ kind: 'prefix', prefix: 'a:' });
    expect(invalidated).toContainEqual({ kind: 'tag', tag: 'red' });
  });

  test('cleared is empty, and the rest is not', async () => {
    const { cache, wholeKeys } = cacheBench();
    cache.namespace('a').set('x', 1);
    cache.namespace('a').namespace('b').set('x', 1);
    cache.namespace('ab').set('x', 1);
    await cache.namespace('a').clear();
    expect(await wholeKeys()).toEqual(['ab:x']);
    await cache.clear();
    expect(await wholeKeys()).toEqual([]);
  });
});
