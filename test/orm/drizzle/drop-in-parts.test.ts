// The parts of the drop-in: keys, expiry, reads under way.

import type { Cache as Cache45 } from 'drizzle-orm/cache/core';
import type { Cache as Cache1 } from 'drizzle-orm-next/cache/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dependsOnPrevious, expiresAt } from '../../../src/orm/drizzle/expiry.ts';
import { ReadsUnderWay } from '../../../src/orm/drizzle/hook/reads-under-way.ts';
import { TidegateCache, tidegateCache } from '../../../src/orm/drizzle/index.ts';
import { queryKey } from '../../../src/orm/drizzle/key.ts';
import { ours, settle } from './kit.ts';

const scope = { database: 'app' };
const keyOf = (...params: unknown[]) => queryKey(scope, { sql: 'select ?', params });

describe('the key of a query', () => {
  it('is the same for the same, and another for any other type', () => {
    const values: unknown[] = [
      ...[1, 1n, '1', true, null, undefined, -0, 0, Number.NaN, 'NaN', '', [], {}, [1], ['1'], [[1]]],
      ...[new Date(1), new Date(Number.NaN), Buffer.from('1'), new Uint8Array([49]), new Uint8Array([49]).buffer],
      ...[{ a: 1 }, { a: '1' }, { a: undefined }, { toJSON: () => 1 }, new Map([[1, 2]]), new Set([1]), 'n1;', 's1:1'],
    ];
    const keys = values.map((value) => keyOf(value));
    expect(new Set(keys).size).toBe(values.length);
    expect(values.map((value) => keyOf(value))).toEqual(keys);
    expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
    expect(keyOf({ a: 1, b: 2 })).toBe(keyOf({ b: 2, a: 1 }));
  });

  it('never joins parameters, or a parameter and the text', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 4 }),
      fc.integer(),
      fc.bigInt(),
      fc.constant(null),
      fc.constant(undefined),
    );
    const list = fc.array(fc.oneof(part, fc.array(part, { maxLength: 2 })), { maxLength: 4 });
    const query = fc.record({ sql: fc.string({ maxLength: 4 }), params: list });
    const text = ({ sql, params }: { sql: string; params: unknown[] }) =>
      JSON.stringify([sql, params], (_key, value: unknown) =>
        typeof value === 'bigint'
          ? { i: `${value}` }
          : value === undefined
            ? { u: 0 }
            : Object.is(value, -0)
              ? { z: 0 }
              : value,
      );
    fc.assert(
      fc.property(query, query, (a, b) => {
        expect(queryKey(scope, a) === queryKey(scope, b)).toBe(text(a) === text(b));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is another for another database, schema, role, dialect, form or tag', () => {
    const query = { sql: 'select 1', params: [] };
    const keys = [
      queryKey(scope, query),
      queryKey({ database: 'other' }, query),
      queryKey({ ...scope, schema: 's' }, query),
      queryKey({ ...scope, role: 's' }, query),
      queryKey({ ...scope, dialect: 's' }, query),
      queryKey(scope, { ...query, form: 's' }),
      queryKey(scope, { ...query, tag: 's' }),
      queryKey(scope, { sql: 'select 2', params: [], tag: 's' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('names a parameter that cannot be written', () => {
    expect(() => keyOf(1, { a: [() => 1] })).toThrow(
      expect.objectContaining({ code: 'E_VALUE', message: expect.stringContaining('$[7][1].a[0]') }),
    );
  });
});

describe('expiry', () => {
  it('follows the conditions of Redis', () => {
    const at = (config: object, previous?: number) => expiresAt(config, 1_000, previous);
    expect(at({})).toBe(undefined);
    expect([at({ ex: 1 }), at({ px: 5 }), at({ exat: 7 }), at({ pxat: 8 })]).toEqual([2_000, 1_005, 7_000, 8]);
    expect([at({ ex: 1, keepTtl: true }), at({ ex: 1, keepTtl: true }, 9)]).toEqual([2_000, 9]);
    expect([at({ ex: 1, hexOptions: 'NX' }), at({ ex: 1, hexOptions: 'NX' }, 9)]).toEqual([2_000, 9]);
    expect([at({ ex: 1, hexOptions: 'xx' }), at({ ex: 1, hexOptions: 'xx' }, 9)]).toEqual([undefined, 2_000]);
    expect([at({ ex: 1, hexOptions: 'GT' }, 9), at({ ex: 1, hexOptions: 'GT' }, 9_000)]).toEqual([2_000, 9_000]);
    expect([at({ ex: 1, hexOptions: 'LT' }, 9), at({ ex: 1, hexOptions: 'LT' })]).toEqual([9, 2_000]);
    expect([dependsOnPrevious({ ex: 1 }), dependsOnPrevious({ keepTtl: true })]).toEqual([false, true]);
    for (const config of [{ ex: -1 }, { px: Number.NaN }, { exat: 0 }, { ex: 1, hexOptions: 'QQ' }]) {
      expect(() => at(config)).toThrow(expect.objectContaining({ code: 'E_TTL' }));
    }
  });
});

describe('reads under way', () => {
  const stampOf = (position: number) => ({ epoch: 'e', position, turn: 0 });
  const begun = (position: number, target = 't') => ({ target, stamp: stampOf(position) });
  const make = () => new ReadsUnderWay({ maxReadMs: 1_000, maxReads: 2 });

  it('gives the oldest stamp to all that cannot be told apart', () => {
    const reads = make();
    const id = { key: 'k', list: undefined };
    reads.begin(id, begun(1), 0);
    reads.begin(id, begun(2), 0);
    expect([reads.end(id)?.stamp, reads.end(id)?.stamp, reads.end(id)]).toEqual([stampOf(1), stampOf(1), undefined]);
    reads.begin(id, begun(3), 0);
    expect(reads.end(id)?.stamp).toEqual(stampOf(3));
  });

  it('tells apart what has its own list', () => {
    const reads = make();
    const [one, two] = [
      { key: 'k', list: [] },
      { key: 'k', list: [] },
    ];
    reads.begin(one, begun(1), 0);
    reads.begin(two, begun(2), 0);
    expect([reads.end(two)?.stamp, reads.end(one)?.stamp]).toEqual([stampOf(2), stampOf(1)]);
  });

  it('stores nothing where one of them may not be stored, or was asked by another', () => {
    const reads = make();
    const id = { key: 'k', list: undefined };
    reads.begin(id, begun(1), 0);
    reads.begin(id, { target: 't', stamp: undefined }, 0);
    expect([reads.end(id), reads.end(id)]).toEqual([undefined, undefined]);
    reads.begin(id, begun(1, 'of one'), 0);
    reads.begin(id, begun(1, 'of another'), 0);
    expect([reads.end(id), reads.end(id)]).toEqual([undefined, undefined]);
  });

  it('forgets what failed, and refuses rather than forget what may go on', () => {
    const reads = make();
    const ids = ['a', 'b', 'c'].map((key) => ({ key, list: undefined }));
    const [a, b, c] = ids as [(typeof ids)[0], (typeof ids)[0], (typeof ids)[0]];
    reads.begin(a, begun(1), 0);
    reads.begin(b, begun(1), 500);
    reads.begin(c, begun(1), 600);
    expect(reads.end(c)).toBe(undefined);
    expect(reads.end(b)?.stamp).toEqual(stampOf(1));
    // The read of c that was not known may still end.
    reads.begin(c, begun(2), 1_100);
    expect(reads.end(c)).toBe(undefined);
    reads.begin(c, begun(3), 1_600);
    expect(reads.end(c)?.stamp).toEqual(stampOf(3));
    expect(reads.end(a)).toBe(undefined);
  });
});

describe('the hook', () => {
  it('is a cache to both versions', () => {
    const hooks: [Cache45, Cache1] = [ours().hook, ours().hook];
    expect(hooks.map((hook) => hook.strategy())).toEqual(['all', 'all']);
  });

  it('refuses options that are wrong', () => {
    const { cache } = ours();
    for (const options of [
      { database: '' },
      { database: 'x'.repeat(101) },
      { database: 'a', grace: -1 },
      { database: 'a', maxRead: 0 },
    ]) {
      expect(() => tidegateCache(cache, options)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
    }
    expect(() => tidegateCache(cache, { database: 'a', ttl: -1 })).toThrow(expect.objectContaining({ code: 'E_TTL' }));
    expect(tidegateCache(cache, { database: 'a' })).toBeInstanceOf(TidegateCache);
    expect(tidegateCache(cache, { database: 'a' }).strategy()).toBe('explicit');
  });

  it('asks for the role once, when a read begins, and invalidates what a write changes besides', async () => {
    let role = 'one';
    const { hook, cache, time } = ours({
      role: () => role,
      grace: 1,
      effects: { users: ['posts'], posts: ['notes'] },
    });
    const tables = ['notes'];
    expect(await hook.get('k', tables, false, true)).toBe(undefined);
    role = 'two';
    await hook.put('k', [[1]], tables, false);
    expect(await hook.get('k', tables, false, true)).toBe(undefined);
    role = 'one';
    expect(await hook.get('k', tables, false, true)).toEqual([[1]]);
    // A write of one table reaches entries of others, and whatever else the program stored under the table.
    await cache.set('mine', 1, { tables: ['app:notes'] });
    await hook.onMutate({ tables: 'users' });
    expect(await cache.get('mine')).toBe(undefined);
    time.advance(1);
    await settle();
    expect(await hook.get('k', tables, false, true)).toBe(undefined);
  });

  it('stores nothing that a write overtook, though the cache could not be told of it', async () => {
    const { hook, cache } = ours();
    const tables = ['users'];
    expect(await hook.get('k', tables, false, true)).toBe(undefined);
    Object.assign(cache, { invalidate: () => Promise.reject(new Error('no cache')) });
    await hook.onMutate({ tables: 'users' });
    await hook.put('k', [[1]], tables, false);
    expect(hook.getStats()).toMatchObject({ faults: 1, stored: 0, overtaken: 1 });
  });

  it('never lets a role, or whoever is told of faults, fail a query', async () => {
    const thrower = () => {
      throw new Error('no role');
    };
    const { hook } = ours({ role: thrower, onFault: thrower });
    const tables = ['users'];
    expect(await hook.get('k', tables, false, true)).toBe(undefined);
    await hook.put('k', [[1]], tables, false);
    expect(hook.getStats()).toMatchObject({ faults: 2, stored: 0 });
  });
});
