// The drop-in cache told what to do: tags, tables, times to live, on real databases.

import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backends, closeBackends, closeOpened, type Db, open, ours, settle, warm } from './kit.ts';

const GRACE_MS = 5_000;
afterEach(closeOpened);
afterAll(closeBackends);

describe.each(backends)('$name, drizzle-orm $version', (backend) => {
  const { users } = backend.tables;
  beforeAll(() => warm(backend), 120_000);
  const nameOf = async (db: Db): Promise<string | undefined> => {
    const rows = await db.select().from(users).where(eq(users.id, 1));
    return rows[0]?.name;
  };
  const rename = (db: Db, name: string) => db.update(users).set({ name }).where(eq(users.id, 1));

  it('invalidates by tag and by table, as names and as objects', async () => {
    const { hook, time } = ours({ strategy: 'explicit' });
    const { db } = await open(backend, hook);
    time.advance(GRACE_MS);
    await settle();
    const tagged = () => db.select().from(users).$withCache({ tag: 'users of the page', autoInvalidate: false });
    const { invalidate } = db.$cache as unknown as { invalidate: (what: unknown) => Promise<void> };
    expect((await tagged())[0]?.name).toBe('old');
    await rename(db, 'new');
    expect((await tagged())[0]?.name).toBe('old');
    await invalidate({ tags: 'users of the page' });
    expect((await tagged())[0]?.name).toBe('new');
    expect((await tagged())[0]?.name).toBe('new');
    time.advance(GRACE_MS);
    await settle();
    for (const tables of ['users', users, ['posts', users]]) {
      const read = () => db.select().from(users).$withCache({ tag: 'by table' });
      await read();
      const { misses } = hook.getStats();
      await read();
      expect(hook.getStats().misses).toBe(misses);
      await invalidate({ tables });
      await read();
      expect(hook.getStats().misses).toBe(misses + 1);
    }
    const before = hook.getStats();
    expect(await nameOf(db)).toBe('new');
    expect(hook.getStats()).toEqual(before);
    await hook.clearAll();
    await tagged();
    expect(hook.getStats().misses).toBe(before.misses + 1);
  });

  it('expires as told', async () => {
    const { hook, time } = ours({ strategy: 'explicit', ttl: '1m' });
    const { db } = await open(backend, hook);
    time.advance(GRACE_MS);
    await settle();
    const hits = async (config: object | undefined, afterMs: number) => {
      await hook.clearAll();
      const read = () =>
        db
          .select()
          .from(users)
          .$withCache(config === undefined ? undefined : { config });
      await read();
      time.advance(afterMs);
      const before = hook.getStats().hits;
      await read();
      return hook.getStats().hits - before;
    };
    expect([await hits(undefined, 59_000), await hits(undefined, 61_000)]).toEqual([1, 0]);
    expect([await hits({ ex: 2 }, 1_900), await hits({ ex: 2 }, 2_100)]).toEqual([1, 0]);
    expect([await hits({ px: 300 }, 290), await hits({ px: 300 }, 310)]).toEqual([1, 0]);
    const at = time.now() + 100_000;
    expect(await hits({ pxat: at }, 99_000)).toBe(1);
    expect(await hits({ pxat: at }, 0)).toBe(1);
    expect(await hits({ pxat: at }, 1_001)).toBe(0);
    expect(await hits({ exat: Math.floor(time.now() / 1000) + 10 }, 8_000)).toBe(1);
    expect(await hits({ ex: -1 }, 0)).toBe(0);
  });
});
