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

it('views that are deeper than is gone through are made outdated by any change of their tables', async () => {
  const path = shopFile();
  const own = new DatabaseSync(path);
  own.exec(deepViews('users'));
  const { tracker, target } = await trackedShop({ database: await installedOnce(path) }, path);
  const db = tracker.wrap(own);
  const { tags, reasons } = tagsOf(tracker, () => db.prepare('SELECT * FROM v40').all());
  expect(reasons).toEqual([]);
  own.exec('UPDATE users SET age = age + 1 WHERE id = 1');
  await tracker.settled();
  expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
  own.close();
});

/** SQLite reads it up to the zero character; the parser does not read it. */
const ODD = "SELECT datetime('now') AS id FROM users\0";

it('a statement that cannot be read is not stored, allowed or not, and told with its mend', async () => {
  const told: string[] = [];
  const { db, tracker } = await trackedShop({ onFault: (error) => void told.push(String(error)) });
  const read = (text: string) =>
    tagsOf(tracker, () => {
      tracker.current()?.allow('the time is shown nowhere');
      return db.prepare(text).all();
    });
  const reason = 'uncacheable: a statement that cannot be read: a NUL character in the text';
  expect(read(ODD)).toEqual({ tags: [], reasons: [reason] });
  expect(read(ODD).reasons).toEqual([reason]);
  expect(read("SELECT datetime('now') FROM users").reasons).toEqual([]);
  const problem = expect.stringMatching(/got a statement that cannot be read.*SELECT datetime.*write it.*in a form/);
  expect(tracker.status().problems).toEqual([problem]);
  expect(told).toEqual([problem]);
  expect(tracker.status().counts.untracked).toEqual({ uncacheable: 3 });
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
