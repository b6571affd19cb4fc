// Tracking over real SQLite: which tags a write makes outdated, and what is not tracked.

import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { sqliteDatabase } from '../../src/track/index.ts';
import { shopFile, tagsOf, trackedShop } from './world.ts';

it('invalidates what a write changes, and nothing else', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const lane = tagsOf(tracker, () => db.prepare('SELECT * FROM users WHERE id = ?').get(1));
  const kim = tagsOf(tracker, () => db.prepare('SELECT * FROM users WHERE id = ?').get(2));
  const first = tagsOf(tracker, () => db.prepare('SELECT id, firstName FROM users ORDER BY id LIMIT 2').all());
  const count = tagsOf(tracker, () => db.prepare('SELECT count(*) FROM orders').get());
  expect([lane, kim, first, count].map(({ tags, reasons }) => [tags.length, reasons])).toEqual(
    Array.from({ length: 4 }, () => [1, []]),
  );
  outside.exec(`UPDATE users SET firstName = 'Leo' WHERE id = 1`);
  await tracker.settled();
  expect([...target.tags].sort()).toEqual([...lane.tags, ...first.tags].sort());
  target.tags.clear();
  outside.exec(`INSERT INTO orders VALUES (9, 3, 5); UPDATE users SET note = 'x' WHERE id = 3`);
  await tracker.settled();
  expect([...target.tags]).toEqual(count.tags);
});

it('watches again what was read again', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const read = () => tagsOf(tracker, () => db.prepare('SELECT age FROM users WHERE firstName = ?').all('Lane')).tags;
  const tags = read();
  for (const age of [31, 32]) {
    outside.exec(`UPDATE users SET age = ${age} WHERE id = 1`);
    await tracker.settled();
    expect([...target.tags]).toEqual(tags);
    target.tags.clear();
    expect(read()).toEqual(tags);
  }
});

it('takes parameters by name and by place for the same', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const tags = tagsOf(tracker, () => {
    db.prepare('SELECT * FROM users WHERE id = :id').get({ id: 2 });
    db.prepare('SELECT * FROM users WHERE id = $id AND age > ?').all({ $id: 2 }, 1);
    db.prepare('SELECT * FROM users WHERE id = ?1').all({ '?1': 2 });
  }).tags;
  expect(tags).toHaveLength(3);
  outside.exec('UPDATE users SET age = 77 WHERE id = 3');
  await tracker.settled();
  expect([...target.tags]).toEqual([]);
  outside.exec('UPDATE users SET age = 77 WHERE id = 2');
  await tracker.settled();
  expect([...target.tags].sort()).toEqual([...tags].sort());
});

it('knows of one row that was asked for only that it was one', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const { tags } = tagsOf(tracker, () => db.prepare('SELECT id, age FROM users WHERE age > 20 ORDER BY age').get());
  outside.exec('UPDATE users SET age = 21 WHERE id = 3');
  await tracker.settled();
  expect([...target.tags]).toEqual(tags);
});

it.each([
  [
    'in a transaction',
    'transaction',
    (db: DatabaseSync) => {
      db.exec('BEGIN');
      db.prepare('SELECT * FROM users').all();
      db.exec('COMMIT');
    },
  ],
  [
    'after a write',
    'after-write',
    (db: DatabaseSync) => {
      db.exec('DELETE FROM orders');
      db.prepare('SELECT * FROM users').all();
    },
  ],
  ['of a moment', 'uncacheable: ', (db: DatabaseSync) => db.prepare(`SELECT datetime('now')`).all()],
  [
    'beside an open iterator',
    'transaction',
    (db: DatabaseSync) => {
      const rows = db.prepare('SELECT * FROM users').iterate();
      rows.next();
      db.prepare('SELECT * FROM orders').all();
      rows.return?.();
    },
  ],
  [
    'where a temporary table may be in the way',
    'session-state',
    (db: DatabaseSync) => {
      db.exec('CREATE TEMP TABLE t (a)');
      db.prepare('SELECT * FROM users').all();
    },
  ],
  ['by a way that is not known', 'unknown-call', (db: DatabaseSync) => db.createTagStore().all`SELECT * FROM users`],
])('does not let a response be stored that read %s', async (_, reason, read) => {
  const { db, tracker } = await trackedShop();
  const { tags, reasons } = tagsOf(tracker, () => read(db));
  expect(tags).toEqual([]);
  expect(reasons.join()).toContain(reason);
});

it('is told otherwise of a statement that need not answer the same', async () => {
  const { db, tracker } = await trackedShop();
  const scope = tracker.openScope();
  scope.run(() => db.prepare(`SELECT id FROM users WHERE age > 1 AND datetime('now') > ''`).all());
  scope.allow('the time is shown nowhere');
  expect(scope.finish().isStorable).toBe(true);
});

it('records nothing outside a scope, and hands on what the driver says', async () => {
  const { db, tracker } = await trackedShop();
  expect(db.prepare('SELECT count(*) AS n FROM users').get()).toEqual({ n: 3 });
  expect(() => db.prepare('SELECT nothing FROM users')).toThrow('nothing');
  expect(db).toBeInstanceOf(DatabaseSync);
  expect(db.isOpen).toBe(true);
  expect(tracker.status().counts.reads).toBe(0);
  expect(() => tracker.scope(() => db.exec('SELECT 1; NONSENSE'))).toThrow('NONSENSE');
});

it('goes on after the schema has changed', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const read = () => tagsOf(tracker, () => db.prepare('SELECT * FROM users WHERE id = 1').all());
  const { tags } = read();
  outside.exec('ALTER TABLE users ADD COLUMN mail TEXT');
  await tracker.settled();
  expect([...target.tags]).toEqual(tags);
  target.tags.clear();
  await vi.waitFor(() => expect(read()).toEqual({ tags, reasons: [] }));
  outside.exec(`UPDATE users SET mail = 'a' WHERE id = 2`);
  await tracker.settled();
  expect([...target.tags]).toEqual([]);
  outside.exec(`UPDATE users SET mail = 'a' WHERE id = 1`);
  await tracker.settled();
  expect([...target.tags]).toEqual(tags);
});

it('tells targets that everything is outdated when the log is lost', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  expect(target.sessions).toBe(1);
  tagsOf(tracker, () => db.prepare('SELECT * FROM users').all());
  outside.exec('DELETE FROM _tidegate_changes');
  outside.exec('INSERT INTO orders VALUES (5, 1, 1)');
  await vi.waitFor(() => expect(target.sessions).toBe(2));
  expect(tracker.status()).toMatchObject({ instances: 0, counts: { gaps: 2 } });
});

it('a change of a whole table is told in parts, and its position with the last', async () => {
  const path = shopFile();
  const database = sqliteDatabase({ path, install: true, maxChanges: 10 });
  const { db, outside, tracker, target } = await trackedShop({ database }, path);
  const byId = db.prepare('SELECT * FROM users WHERE id = ?');
  const tags = Array.from({ length: 2_500 }, (_, id) => tagsOf(tracker, () => byId.get(id)).tags).flat();
  const other = tagsOf(tracker, () => db.prepare('SELECT * FROM orders WHERE id = 1').all()).tags;
  const before = tracker.status().position;
  target.messages.length = 0;
  outside.exec(
    `WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n LIMIT 20)
    INSERT INTO users (id, firstName) SELECT i, 'x' FROM n`,
  );
  await tracker.settled();
  expect(tags.filter((tag) => !target.tags.has(tag))).toEqual([]);
  expect(other.filter((tag) => target.tags.has(tag))).toEqual([]);
  const lastOfTags = target.messages.findLastIndex((message) => message.tags.length > 0);
  const firstAfter = target.messages.findIndex(({ position }) => position !== undefined && position !== before);
  expect(target.messages.filter((message) => message.tags.length > 0).length).toBeGreaterThan(2);
  expect(firstAfter).toBeGreaterThanOrEqual(lastOfTags);
});

it('takes up a table that was made later, where it installs', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  outside.exec('CREATE TABLE late (id INTEGER PRIMARY KEY)');
  await tracker.settled();
  const read = () => tagsOf(tracker, () => db.prepare('SELECT * FROM late').all());
  await vi.waitFor(() => expect(read().reasons).toEqual([]));
  const { tags } = read();
  target.tags.clear();
  outside.exec('INSERT INTO late VALUES (1)');
  await tracker.settled();
  expect([...target.tags]).toEqual(tags);
  expect(tracker.status().feed?.problems).toEqual([]);
});

it('that a table or a column is not there is read, too, and not stored', async () => {
  const { db, tracker } = await trackedShop();
  const attempt = (text: string) =>
    tagsOf(tracker, () => {
      expect(() => db.prepare(text)).toThrow(/no such/);
    });
  expect(attempt('SELECT * FROM later').reasons).toEqual([expect.stringMatching(/^uncovered-table: later/)]);
  expect(attempt('SELECT later FROM users').reasons).toEqual(['uncacheable: column later, which is not known']);
});
