// What no feed can tell of: named in the tracker's status, and not stored.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { createTracker, sqliteDatabase } from '../../src/track/index.ts';
import { atEnd, installedOnce, NotingTarget, shopFile, tagsOf, trackedShop } from './world.ts';

/** Views on views, more of them than are gone through. */
function deepViews(table: string): string {
  const steps = Array.from({ length: 40 }, (_, at) => `CREATE VIEW v${at + 1} AS SELECT * FROM v${at};`);
  return `CREATE VIEW v0 AS SELECT * FROM ${table}; ${steps.join('\n')}`;
}

it('a statement that is not understood is invalidated by any change, if all tables are told of', async () => {
  const path = shopFile();
  const own = new DatabaseSync(path);
  own.exec(deepViews('users'));
  const target = new NotingTarget();
  const tracker = createTracker({
    source: 'shop',
    database: await installedOnce(path),
    targets: [target],
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  const db = tracker.wrap(own);
  const read = () => {
    const scope = tracker.openScope();
    scope.run(() => db.prepare('SELECT * FROM v40').all());
    return scope.finish();
  };
  expect(read()).toMatchObject({ isStorable: true, reasons: [] });
  // Made later: whatever the statement reads may be in there.
  own.exec('CREATE TABLE late (id INTEGER PRIMARY KEY)');
  await tracker.settled();
  await expect.poll(() => read().reasons).toEqual(['uncovered-table: late']);
  expect(tracker.status()).toMatchObject({
    counts: { untracked: { 'uncovered-table': expect.any(Number) } },
    feed: { problems: ['expected triggers on table late, got none: install the feed'] },
  });
  own.close();
});

it('a table without triggers is named, and what is read from it is not stored', async () => {
  const path = shopFile();
  const { db, outside, tracker } = await trackedShop({ database: await installedOnce(path) }, path);
  outside.exec('CREATE TABLE late (id INTEGER PRIMARY KEY)');
  await tracker.settled();
  await expect
    .poll(() => tagsOf(tracker, () => db.prepare('SELECT * FROM late').all()).reasons)
    .toEqual(['uncovered-table: late']);
  expect(tracker.status().feed?.problems).toEqual(['expected triggers on table late, got none: install the feed']);
});

it('a feed of another database is noticed by the tables that it does not have', async () => {
  const { tracker } = await trackedShop();
  const elsewhere = new DatabaseSync(':memory:');
  atEnd(() => elsewhere.close());
  elsewhere.exec('CREATE TABLE invoices (id INTEGER PRIMARY KEY)');
  const { reasons } = tagsOf(tracker, () => tracker.wrap(elsewhere).prepare('SELECT * FROM invoices').all());
  expect(reasons).toEqual(['uncovered-table: invoices, which is not in the database that is followed']);
  expect(tracker.status().counts.untracked).toEqual({ 'uncovered-table': 1 });
});

it.each([
  ['a file that is not there', () => undefined, ', got no file'],
  ['a file of something else', (path: string) => writeFileSync(path, 'x'.repeat(4096)), 'file is not a database'],
])('%s cannot be followed, and stays as it is', async (_, make, message) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-track-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'shop.db');
  make(path);
  const isThere = existsSync(path);
  const tracker = createTracker({ source: 'shop', database: sqliteDatabase({ path, install: true }), targets: [] });
  await expect(tracker.start()).rejects.toMatchObject({ code: 'E_FEED', message: expect.stringContaining(message) });
  expect(existsSync(path)).toBe(isThere);
});

it('a table without a primary key, and a column that cannot be compared, are matched by all of their rows', async () => {
  const path = shopFile();
  const own = new DatabaseSync(path);
  own.exec(`CREATE TABLE tally (day TEXT, visits INTEGER); INSERT INTO tally VALUES ('mon', 1), ('tue', 2);`);
  const target = new NotingTarget();
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [target],
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  const db = tracker.wrap(own);
  const { tags, reasons } = tagsOf(tracker, () => db.prepare(`SELECT visits FROM tally WHERE day = 'mon'`).all());
  expect(reasons).toEqual([]);
  own.exec(`UPDATE tally SET visits = 5 WHERE day = 'mon'`);
  await tracker.settled();
  expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
  own.close();
});
