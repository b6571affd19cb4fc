// The drop-in cache on real databases. Each hole of Drizzle's hook that it closes is shown open in a naive cache first.

import { eq } from 'drizzle-orm';
import type { Cache as DrizzleCache } from 'drizzle-orm/cache/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  backends,
  closeBackends,
  closeOpened,
  type Db,
  NaiveCache,
  open,
  openOnly,
  ours,
  settle,
  warm,
} from './kit.ts';

const GRACE_MS = 5_000;
afterEach(closeOpened);
afterAll(closeBackends);

describe.each(backends)('$name, drizzle-orm $version', (backend) => {
  const { users, posts, everyone } = backend.tables;
  beforeAll(() => warm(backend), 120_000);
  const nameOf = async (db: Db): Promise<string | undefined> => {
    const rows = await db.select().from(users).where(eq(users.id, 1));
    return rows[0]?.name;
  };
  const rename = (db: Db, name: string) => db.update(users).set({ name }).where(eq(users.id, 1));

  it('serves a read again, until a write to its table', async () => {
    const { hook, time } = ours();
    const { db, gate } = await open(backend, hook);
    time.advance(GRACE_MS);
    await settle();
    expect(await nameOf(db)).toBe('old');
    const asked = gate.asked.length;
    expect(await nameOf(db)).toBe('old');
    expect(gate.asked.length).toBe(asked);
    expect(hook.getStats()).toMatchObject({ hits: 1, misses: 1, stored: 1, faults: 0 });
    await rename(db, 'new');
    expect(await nameOf(db)).toBe('new');
    await db.insert(posts).values({ id: 1, userId: 1 });
    time.advance(GRACE_MS);
    await settle();
    expect(await nameOf(db)).toBe('new');
    expect(await nameOf(db)).toBe('new');
    expect(hook.getStats()).toMatchObject({ hits: 2, stored: 2, guarded: 1 });
  });

  /** A read has its result, and a write is awaited before the read goes on. */
  async function overtakenRead(cache: DrizzleCache): Promise<string | undefined> {
    const { db, gate } = await openOnly(backend, cache);
    await settle();
    const held = gate.hold(/^select/, 'after');
    const slow = nameOf(db);
    await held.reached;
    await rename(db, 'new');
    held.release();
    expect(await slow).toBe('old');
    await settle();
    return nameOf(db);
  }

  it('does not store what a write overtook', async () => {
    expect(await overtakenRead(new NaiveCache('all'))).toBe('old');
    const { hook, time } = ours({ grace: 0 });
    const stored = overtakenRead(hook);
    time.advance(0);
    expect(await stored).toBe('new');
    expect(await overtakenRead(ours().hook)).toBe('new');
  });

  it('does not store what is read while a write is on its way', async () => {
    const race = async (cache: DrizzleCache, pass: () => Promise<void>) => {
      const { db, gate } = await openOnly(backend, cache);
      await pass();
      const held = gate.hold(/^update/, 'before');
      const write = rename(db, 'new').execute();
      await held.reached;
      await settle();
      expect(await nameOf(db)).toBe('old');
      held.release();
      await write;
      return [await nameOf(db), await pass().then(() => nameOf(db))];
    };
    // 1.0 tells the cache after the write.
    const naive = backend.version === '0.45' ? 'old' : 'new';
    expect(await race(new NaiveCache('all'), settle)).toEqual([naive, naive]);
    const { hook, time } = ours();
    const later = async () => {
      time.advance(GRACE_MS);
      await settle();
    };
    expect(await race(hook, later)).toEqual(['new', 'new']);
  });

  it('does not store a read that began in the grace of a write and ended after it', async () => {
    const { hook, time } = ours();
    const { db, gate } = await open(backend, hook);
    time.advance(GRACE_MS);
    await settle();
    const held = gate.hold(/^select/, 'after');
    const slow = nameOf(db);
    await held.reached;
    await rename(db, 'new');
    time.advance(GRACE_MS);
    await settle();
    held.release();
    expect(await slow).toBe('old');
    expect(await nameOf(db)).toBe('new');
  });

  it.runIf(backend.hasConnections)('does not store what is read beside an open transaction', async () => {
    const race = async (cache: DrizzleCache) => {
      const { db } = await openOnly(backend, cache);
      const committed = db.transaction(async (tx) => {
        await tx.update(users).set({ name: 'new' }).where(eq(users.id, 1));
        expect(await nameOf(db)).toBe('old');
      });
      await committed;
      return nameOf(db);
    };
    expect(await race(new NaiveCache('all'))).toBe('old');
    expect(await race(ours().hook)).toBe('new');
  });

  it('does not keep what was rolled back', async () => {
    const race = async (cache: DrizzleCache, pass: () => Promise<void>) => {
      const { db } = await openOnly(backend, cache);
      const rolledBack = db.transaction(async (tx) => {
        await tx.update(users).set({ name: 'new' }).where(eq(users.id, 1));
        expect(await nameOf(tx as unknown as Db)).toBe('new');
        throw new Error('not this');
      });
      await expect(rolledBack).rejects.toThrow('not this');
      const soon = await nameOf(db);
      await pass();
      return [soon, await nameOf(db)];
    };
    expect(await race(new NaiveCache('all'), settle)).toEqual(['new', 'new']);
    const { hook, time } = ours();
    const later = async () => {
      time.advance(GRACE_MS);
      await settle();
    };
    expect(await race(hook, later)).toEqual(['old', 'old']);
  });

  it('does not store reads of which Drizzle names no table', async () => {
    const race = async (cache: DrizzleCache) => {
      const { db } = await openOnly(backend, cache);
      const read = async () => {
        const cte = db.$with('cte').as(db.select().from(users));
        const [ofView] = await db.select().from(everyone);
        const [ofCte] = await db.with(cte).select().from(cte);
        return [ofView?.name, ofCte?.name];
      };
      expect(await read()).toEqual(['old', 'old']);
      await rename(db, 'new');
      return read();
    };
    // 1.0 names the tables of a WITH list, but not those of a view.
    expect((await race(new NaiveCache('all')))[0]).toBe('old');
    const { hook } = ours({ grace: 0 });
    expect(await race(hook)).toEqual(['new', 'new']);
    expect(hook.getStats().untracked).toBeGreaterThanOrEqual(2);
  });

  it('keeps databases, schemas, roles and tenants apart that share a cache', async () => {
    const race = async (first: DrizzleCache, second: DrizzleCache, pass: () => Promise<void>) => {
      const { db: one } = await openOnly(backend, first);
      const { db: two } = await open(backend, second);
      await two.delete(users);
      await pass();
      expect(await nameOf(one)).toBe('old');
      return nameOf(two);
    };
    const naive = new NaiveCache('all');
    expect(await race(naive, naive, settle)).toBe('old');
    for (const other of [{ database: 'b' }, { schema: 'b' }, { role: 'b' }, { tenant: () => 'b' }]) {
      const first = ours();
      const second = ours(other, first);
      const later = async () => {
        first.time.advance(GRACE_MS);
        await settle();
      };
      expect(await race(first.hook, second.hook, later)).toBe(undefined);
      expect([first.hook.getStats().stored, second.hook.getStats().stored]).toEqual([1, 1]);
    }
  });

  it('never fails a query when the cache fails', async () => {
    const { hook, cache, faults, time } = ours();
    const { db } = await open(backend, hook);
    time.advance(GRACE_MS);
    await settle();
    const broken = new Error('no cache');
    const sound = { get: cache.get, set: cache.set, stamp: cache.stamp, invalidate: cache.invalidate };
    const fail = () => {
      throw broken;
    };
    Object.assign(cache, { get: fail });
    expect(await nameOf(db)).toBe('old');
    Object.assign(cache, { get: sound.get.bind(cache), set: async () => fail() });
    expect(await nameOf(db)).toBe('old');
    Object.assign(cache, { set: sound.set.bind(cache) });
    expect(await nameOf(db)).toBe('old');
    expect(hook.getStats()).toMatchObject({ faults: 2, stored: 1 });
    // What could not be invalidated is not served, however long it takes.
    Object.assign(cache, { invalidate: async () => fail() });
    await rename(db, 'new');
    expect(await nameOf(db)).toBe('new');
    time.advance(10 * GRACE_MS);
    await settle();
    expect(await nameOf(db)).toBe('new');
    await expect(hook.invalidate({ tables: 'users' })).rejects.toBe(broken);
    Object.assign(cache, { invalidate: sound.invalidate.bind(cache) });
    time.advance(GRACE_MS);
    await settle();
    expect(await nameOf(db)).toBe('new');
    expect(await nameOf(db)).toBe('new');
    expect(hook.getStats()).toMatchObject({ stored: 2, hits: 1 });
    expect(faults.length).toBeGreaterThanOrEqual(4);
    expect(faults).toContain(broken);
  });

  it('lives on when the hook is made anew over the same cache', async () => {
    const first = ours({ grace: 0 });
    const second = ours({ grace: 0 }, first);
    const { db: before } = await open(backend, first.hook);
    const { db: after } = await open(backend, second.hook);
    first.time.advance(1);
    await settle();
    const query = (db: Db) => db.select().from(users);
    expect(await query(before)).toEqual(await query(after));
    expect(first.hook.getStats()).toMatchObject({ stored: 1 });
    expect(second.hook.getStats()).toMatchObject({ hits: 1 });
    const third = ours({ grace: 0 }, first);
    await third.hook.onMutate({ tables: ['users'] });
    await settle();
    await query(after);
    expect(second.hook.getStats()).toMatchObject({ hits: 1, misses: 1 });
  });
});
