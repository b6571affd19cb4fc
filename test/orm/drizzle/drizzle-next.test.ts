// `withTidegate` with a candidate of drizzle-orm 1.0, and with drivers that answer at once.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openBetterSqlite,
  openBetterSqliteNext,
  openLibsqlNext,
  openNodeSqliteNext,
  openPgliteNext,
} from './drizzle-next.ts';
import { soundSuite } from './suite.ts';
import { soundKeysSuite } from './suite-keys.ts';
import { soundWritesSuite } from './suite-writes.ts';
import { startPglite } from './worlds.ts';
import { type Base, worldOf } from './wrapped-kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-sound-'));
beforeAll(startPglite, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

soundSuite('better-sqlite3', openBetterSqlite);
soundSuite('1.0: better-sqlite3', openBetterSqliteNext);
soundSuite('1.0: node:sqlite', openNodeSqliteNext);
soundSuite('1.0: PGlite', openPgliteNext);
soundWritesSuite('1.0: PGlite', openPgliteNext, { hasTransactions: true, hasBatch: false, gate: true });
soundKeysSuite('1.0: PGlite', openPgliteNext);
soundSuite('1.0: libSQL', () => openLibsqlNext(join(folder, 'libsql.db')));
soundWritesSuite('1.0: libSQL', () => openLibsqlNext(join(folder, 'libsql.db')), {
  hasTransactions: true,
  hasBatch: true,
  gate: false,
});

/** A database whose driver answers at once, as these tests see it. */
interface SyncDb {
  select(): { from(table: unknown): { all(): { name: string }[] } };
  update(table: unknown): { set(values: object): { run(): unknown } };
  transaction<T>(work: (tx: SyncDb) => T): T;
}

describe.each<[string, () => Promise<Base>]>([
  ['better-sqlite3', openBetterSqlite],
  ['1.0: better-sqlite3', openBetterSqliteNext],
  ['1.0: node:sqlite', openNodeSqliteNext],
])('%s answers at once', (_name, open) => {
  const start = async () => {
    const world = worldOf(await open());
    await world.sound.insert(world.schema.users).values({ id: 1, name: 'one' });
    await turn();
    const db = world.sound as unknown as SyncDb;
    const names = (from: SyncDb = db) =>
      from
        .select()
        .from(world.schema.users)
        .all()
        .map(({ name }) => name)
        .join();
    const rename = (name: string, to: SyncDb = db) => to.update(world.schema.users).set({ name }).run();
    return { world, db, names, rename, hits: () => world.sound.$cacheStats().hits };
  };

  test('from the cache too', async () => {
    const { names, hits } = await start();
    expect(names()).toBe('one');
    expect(names()).toBe('one');
    expect(hits()).toBe(1);
  });

  test('a write is seen by the next read, in the same turn', async () => {
    const { names, rename, hits } = await start();
    names();
    rename('two');
    expect(names()).toBe('two');
    rename('three');
    expect(names()).toBe('three');
    await turn();
    names();
    const before = hits();
    expect(names()).toBe('three');
    expect(hits()).toBe(before + 1);
  });

  test('a transaction: its reads go past the cache, its writes are seen after the commit, and not after a rollback', async () => {
    const { db, names, rename, hits } = await start();
    names();
    expect(() =>
      db.transaction((tx) => {
        rename('dirty', tx);
        expect(names(tx)).toBe('dirty');
        throw new Error('no');
      }),
    ).toThrow('no');
    await turn();
    const before = hits();
    // Others may have read on its connection what is not there any more: so it is read anew.
    expect(names()).toBe('one');
    expect(hits()).toBe(before);
    expect(names()).toBe('one');
    expect(hits()).toBe(before + 1);
    const result = db.transaction((tx) => {
      tx.transaction((inner) => rename('inner', inner));
      return 7;
    });
    expect(result).toBe(7);
    expect(names()).toBe('inner');
  });
});
