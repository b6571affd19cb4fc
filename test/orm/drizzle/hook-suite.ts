// What Drizzle asks of a cache that is given to `drizzle({ cache })`, as its own tests look at it: by spies on the methods of
// `$cache`, for each way to ask for a cached read and each tool that spies.

import { mock } from 'node:test';
import { eq as eq45 } from 'drizzle-orm';
import { alias as pgAlias45 } from 'drizzle-orm/pg-core';
import { alias as liteAlias45 } from 'drizzle-orm/sqlite-core';
import { eq as eq1 } from 'drizzle-orm-next';
import { alias as pgAlias1 } from 'drizzle-orm-next/pg-core';
import { alias as liteAlias1 } from 'drizzle-orm-next/sqlite-core';
import sinon from 'sinon';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DropInInvalidation, TidegateCache } from '../../../src/orm/drizzle/index.ts';
import type { SimulatedTime } from '../../kit/simulated-time.ts';
import { type Backend, closeOpened, type Db, open, ours, settle } from './kit.ts';

type Method = 'get' | 'put' | 'onMutate' | 'invalidate';

/** Calls so far, and each call's arguments. */
interface Spy {
  readonly calls: () => readonly (readonly unknown[])[];
  readonly restore: () => void;
}

export const SPIES: Readonly<Record<string, (cache: TidegateCache, method: Method) => Spy>> = {
  vitest: (cache, method) => {
    const spy = vi.spyOn(cache, method);
    return { calls: () => spy.mock.calls, restore: () => spy.mockRestore() };
  },
  sinon: (cache, method) => {
    const spy = sinon.spy(cache, method);
    return { calls: () => spy.args, restore: () => spy.restore() };
  },
  'node:test': (cache, method) => {
    const { mock: tracker } = mock.method(cache, method);
    return { calls: () => tracker.calls.map((call) => call.arguments), restore: () => tracker.restore() };
  },
};

/** As `$withCache` takes it; `undefined`: it is not called. */
type Asking = Parameters<ReturnType<ReturnType<Db['select']>['from']>['$withCache']>[0];

const TAG = { tag: 'custom', autoInvalidate: false } as const;

/** How a read asks for the cache, and whether that is then asked. */
const READS: readonly { strategy: 'explicit' | 'all'; asking: Asking | 'plainly' | undefined; isAsked: boolean }[] = [
  { strategy: 'explicit', asking: undefined, isAsked: false },
  { strategy: 'explicit', asking: 'plainly', isAsked: true },
  { strategy: 'explicit', asking: { config: { ex: 1 } }, isAsked: true },
  { strategy: 'explicit', asking: { ...TAG, config: { ex: 1 } }, isAsked: true },
  { strategy: 'all', asking: undefined, isAsked: true },
  { strategy: 'all', asking: false, isAsked: false },
  { strategy: 'all', asking: { autoInvalidate: false }, isAsked: true },
  { strategy: 'all', asking: TAG, isAsked: true },
  { strategy: 'all', asking: { tag: 'custom' }, isAsked: true },
];

const GRACE_MS = 5_000;

/** Of the backend's own version; the types of 0.45 for SQLite serve for all. */
function operatorsOf({ version, isSqlite }: Backend): { readonly eq: typeof eq45; readonly alias: typeof liteAlias45 } {
  const [lite, pg] = version === '0.45' ? [liteAlias45, pgAlias45] : [liteAlias1, pgAlias1];
  const eq: unknown = version === '0.45' ? eq45 : eq1;
  return { eq: eq as typeof eq45, alias: (isSqlite ? lite : pg) as unknown as typeof liteAlias45 };
}

/** The hook of a database, as whoever has the database finds it. */
function cacheOf(db: Db): TidegateCache {
  return db.$cache as unknown as TidegateCache;
}

export function hookSuite(backend: Backend, warm: () => Promise<void>): void {
  describe(`${backend.name}, drizzle-orm ${backend.version}`, () => {
    const { users, posts } = backend.tables;
    const { eq, alias } = operatorsOf(backend);
    beforeAll(warm, 120_000);
    afterEach(closeOpened);

    const opened = async (strategy: 'explicit' | 'all') => {
      const { hook, time } = ours({ strategy });
      const { db } = await open(backend, hook);
      await quiet(time);
      return { db, hook, time };
    };
    const read = (db: Db, asking: Asking | 'plainly' | undefined) => {
      const select = db.select().from(users);
      if (asking === undefined) return select;
      return asking === 'plainly' ? select.$withCache() : select.$withCache(asking);
    };

    it.each(READS)('$strategy, $asking: what is asked of the cache', async ({ strategy, asking, isAsked }) => {
      const { db, time } = await opened(strategy);
      const cache = cacheOf(db);
      const spies = { get: vi.spyOn(cache, 'get'), put: vi.spyOn(cache, 'put'), onMutate: vi.spyOn(cache, 'onMutate') };
      const calls = () => [spies.get, spies.put, spies.onMutate].map(({ mock: { calls } }) => calls.length);
      expect(await read(db, asking)).toEqual([{ id: 1, name: 'old' }]);
      expect(calls()).toEqual(isAsked ? [1, 1, 0] : [0, 0, 0]);
      await read(db, asking);
      expect(calls()).toEqual(isAsked ? [2, 1, 0] : [0, 0, 0]);
      await db.insert(users).values({ id: 2, name: 'John' });
      expect(calls()).toEqual(isAsked ? [2, 1, 1] : [0, 0, 1]);
      expect(spies.onMutate.mock.calls.map(([{ tables }]) => [tables].flat())).toEqual([['users']]);
      await quiet(time);
      await cache.invalidate({ tags: ['custom'] });
      const isInvalidated = typeof asking !== 'object' || asking.autoInvalidate !== false || asking.tag !== undefined;
      expect(await read(db, asking)).toHaveLength(isInvalidated ? 2 : 1);
    });

    it('the tables that a read names are those it was built from', async () => {
      const { db } = await opened('all');
      const get = vi.spyOn(cacheOf(db), 'get');
      const tablesOf = async (query: PromiseLike<unknown>) => {
        get.mockClear();
        await query;
        return get.mock.calls.map(([, tables]) => [...tables].sort());
      };
      expect(await tablesOf(db.select().from(users))).toEqual([['users']]);
      const joined = db.select().from(users).leftJoin(posts, eq(users.id, posts.userId));
      expect(await tablesOf(joined)).toEqual([['posts', 'users']]);
      const again = alias(posts, 'again');
      const twice = db
        .select()
        .from(users)
        .leftJoin(posts, eq(users.id, posts.userId))
        .leftJoin(again, eq(users.id, again.userId));
      expect(await tablesOf(twice)).toEqual([['posts', 'users']]);
      const within = db.select().from(users).where(eq(users.id, 42)).as('within');
      expect(await tablesOf(db.select().from(within))).toEqual([['users']]);
    });

    describe.each(Object.keys(SPIES))('spied on by %s', (tool) => {
      let world: Awaited<ReturnType<typeof opened>>;
      beforeEach(async () => {
        world = await opened('all');
      });
      const spyOn = (method: Method) => (SPIES[tool] as (typeof SPIES)[string])(cacheOf(world.db), method);

      it('invalidate is counted, invalidates all the same, and is what it was afterwards', async () => {
        const { db, hook } = world;
        await db.select().from(users);
        const before = cacheOf(db).invalidate;
        const spy = spyOn('invalidate');
        const what: DropInInvalidation[] = [{ tables: 'users' }, { tables: [users] }, { tags: 'custom' }];
        for (const one of what) await cacheOf(db).invalidate(one);
        expect(spy.calls()).toEqual(what.map((one) => [one]));
        const { misses } = hook.getStats();
        await db.select().from(users);
        expect(hook.getStats().misses).toBe(misses + 1);
        // A cache is given to each database object of a program.
        await open(backend, hook);
        await cacheOf(db).invalidate({ tags: 'custom' });
        expect(spy.calls()).toHaveLength(4);
        spy.restore();
        expect(cacheOf(db).invalidate).toBe(before);
        await expect(cacheOf(db).invalidate({})).rejects.toMatchObject({ code: 'E_SELECTOR' });
      });

      it('get, put and onMutate are counted', async () => {
        const { db } = world;
        const spies = (['get', 'put', 'onMutate'] as const).map(spyOn);
        await db.select().from(users);
        await db.update(users).set({ name: 'new' });
        const counts = () => spies.map((spy) => spy.calls().length);
        expect(counts()).toEqual([1, 1, 1]);
        for (const spy of spies) spy.restore();
        const left = counts();
        expect(await db.select().from(users)).toEqual([{ id: 1, name: 'new' }]);
        expect(counts()).toEqual(left);
      });
    });
  });
}

/** No write is under way any more, as far as the hook can know. */
async function quiet(time: SimulatedTime): Promise<void> {
  time.advance(GRACE_MS);
  await settle();
}
