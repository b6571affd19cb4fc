// What is refused when it is given: options, and invalidations that name nothing. A query never fails for it.

import { drizzle } from 'drizzle-orm/sqlite-proxy';
import { describe, expect, test } from 'vitest';
import { createCache } from '../../../src/index.ts';
import { tidegateCache } from '../../../src/orm/drizzle/hook/hook-cache.ts';
import { withTidegate } from '../../../src/orm/drizzle/with-tidegate.ts';
import { liteSchema } from './wrapped-kit.ts';

const cache = createCache({ name: 'refusals' });
const options = { cache, database: 'd' };
const refusal = (code: string) =>
  expect.objectContaining({ code, message: expect.stringMatching(/^expected .+, got .+/) });
const thrownBy = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};
const proxied = () => drizzle(async () => ({ rows: [] }), { schema: liteSchema });
const bare = () => drizzle(async () => ({ rows: [] }));

describe('withTidegate', () => {
  test.each<[string, object, string]>([
    ['an option that is none', { stratgy: 'all' }, 'E_CONFIG'],
    ['a strategy that is none', { strategy: 'al' }, 'E_CONFIG'],
    ['a cache that is none', { cache: 1 }, 'E_CONFIG'],
    ['no cache', { cache: undefined }, 'E_CONFIG'],
    ['a name that is too long', { database: 'x'.repeat(101) }, 'E_CONFIG'],
    ['a role that is no text', { role: 7 }, 'E_CONFIG'],
    ['effects that are no lists', { effects: { users: 'posts' } }, 'E_CONFIG'],
    ['effects of a table with NUL in its name', { effects: { 'v\0w': ['posts'] } }, 'E_CONFIG'],
    ['effects on a table with NUL in its name', { effects: { users: ['v\0w'] } }, 'E_CONFIG'],
    ['functions that read a table with NUL in its name', { functions: { own: { reads: ['v\0w'] } } }, 'E_CONFIG'],
    ['functions with something else', { functions: { own: { read: ['users'] } } }, 'E_CONFIG'],
    ['objects that are a list', { objects: [] }, 'E_CONFIG'],
    ['a time that is none', { doubt: Number.NaN }, 'E_CONFIG'],
    ['a clock that is none', { clock: Date }, 'E_CONFIG'],
    ['an onFault that is no function', { onFault: 1 }, 'E_CONFIG'],
    ['a ttl that is none', { ttl: '5 s' }, 'E_TTL'],
  ])('refuses %s', (_name, given, code) => {
    const db = proxied();
    expect(thrownBy(() => withTidegate(db, { ...options, ...given } as never))).toEqual(refusal(code));
    // It is left as it was.
    expect('$cached' in db).toBe(false);
  });

  test('refuses options that are no object', () => {
    expect(thrownBy(() => withTidegate(proxied(), undefined as never))).toEqual(refusal('E_CONFIG'));
  });
});

describe('$cached', () => {
  const db = withTidegate(proxied(), options);
  test.each<[string, unknown, string]>([
    ['an option that is none', { tag: ['a'] }, 'E_CONFIG'],
    ['grace, which queries do not have', { grace: '1h' }, 'E_CONFIG'],
    ['what is no object', '5m', 'E_CONFIG'],
    ['enabled that is no boolean', { enabled: 'no' }, 'E_CONFIG'],
    ['a ttl that is none', { ttl: '5' }, 'E_TTL'],
    ['tags that are no texts', { tags: [7] }, 'E_TAG'],
    ['tags that are no list', { tags: 'a' }, 'E_TAG'],
    ['tables that are neither names nor objects', { tables: [{}] }, 'E_TAG'],
    ['tables that are no list', { tables: 'users' }, 'E_TAG'],
    ['a table with NUL in its name', { tables: ['v\0w'] }, 'E_TAG'],
  ])('refuses %s', (_name, given, code) => {
    expect(thrownBy(() => db.$cached(given as never))).toEqual(refusal(code));
  });

  test('keeps what it was given', async () => {
    const own = withTidegate(proxied(), { ...options, database: 'kept' });
    const given = { tables: ['users'], ttl: 1000 as number | string };
    const handle = own.$cached(given as never);
    given.ttl = 'never';
    await handle.select().from(liteSchema.users);
    expect(own.$cacheStats()).toMatchObject({ misses: 1, faults: 0 });
  });
});

test('tags and tables of $withCache that are none: the query is run past the cache, and onFault is told', async () => {
  const faults: unknown[] = [];
  const db = withTidegate(proxied(), { ...options, onFault: (error) => void faults.push(error) });
  const read = () =>
    db
      .select()
      .from(liteSchema.users)
      .$withCache({ tag: 7 } as never);
  expect(await read()).toEqual([]);
  expect(faults).toEqual([refusal('E_TAG')]);
  expect(db.$cacheStats().passed).toEqual({ fault: 1 });
});

const WRONG: [string, unknown, string][] = [
  ['a text', 'a', 'E_SELECTOR'],
  ['nothing', undefined, 'E_SELECTOR'],
  ['a name that is none', { tag: 'a' }, 'E_SELECTOR'],
  ['an empty object', {}, 'E_SELECTOR'],
  ['empty lists', { tables: [], tags: [] }, 'E_SELECTOR'],
  ['tags that are no texts', { tags: [7] }, 'E_TAG'],
  ['tables that are none', { tables: [{}] }, 'E_TAG'],
  ['a table with NUL in its name', { tables: 'v\0w' }, 'E_TAG'],
];

describe('$cache.invalidate', () => {
  const db = withTidegate(proxied(), options);
  const invalidate = (what: unknown) => db.$cache.invalidate(what as never);
  test.each<[string, unknown, string]>([
    ...WRONG,
    ['a table that is none', { tables: 'usrs' }, 'E_SELECTOR'],
    ['one beside one that is', { tables: ['users', 'usrs'], tags: 'a' }, 'E_SELECTOR'],
  ])('refuses %s', async (_name, what, code) => {
    await expect(invalidate(what)).rejects.toEqual(refusal(code));
  });

  test('takes tables and views as objects and by any name, and tables that a program has named', async () => {
    await invalidate({ tables: [liteSchema.users, liteSchema.named, 'posts', 'Users', 'main.audit'], tags: 'a' });
    await db
      .$cached({ tables: ['legacy'] })
      .select()
      .from(liteSchema.users);
    await invalidate({ tables: 'legacy' });
    const told = withTidegate(proxied(), {
      ...options,
      effects: { users: ['trail'] },
      functions: { f: { reads: ['log'] } },
    });
    await told.$cache.invalidate({ tables: ['trail', 'log'] });
  });

  test('cannot tell where no table was told', async () => {
    await withTidegate(bare(), options).$cache.invalidate({ tables: 'usrs' });
  });
});

describe('tidegateCache', () => {
  test.each<[string, object, string]>([
    ['an option that is none', { tll: 5 }, 'E_CONFIG'],
    ['a strategy that is none', { strategy: 'al' }, 'E_CONFIG'],
    ['no name', { database: '' }, 'E_CONFIG'],
    ['a grace that is none', { grace: -1 }, 'E_CONFIG'],
    ['a longest read that is none', { maxRead: 0 }, 'E_CONFIG'],
    ['ports that are none', { ports: {} }, 'E_CONFIG'],
    ['a ttl that is none', { ttl: '5' }, 'E_TTL'],
  ])('refuses %s', (_name, given, code) => {
    expect(thrownBy(() => tidegateCache(cache, { database: 'd', ...given } as never))).toEqual(refusal(code));
  });

  test('refuses a cache that is none', () => {
    expect(thrownBy(() => tidegateCache(1 as never, { database: 'd' }))).toEqual(refusal('E_CONFIG'));
  });

  test.each(WRONG)('its invalidate refuses %s', async (_name, what, code) => {
    await expect(tidegateCache(cache, { database: 'd' }).invalidate(what as never)).rejects.toEqual(refusal(code));
  });
});
