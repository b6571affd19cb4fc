// A connection that is wrapped and is to another file than the one that the feed follows: no change of what is read there is
// told, so nothing of it is stored.

import { copyFileSync, linkSync, renameSync, symlinkSync } from 'node:fs';
import { relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createClient } from '@libsql/client';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import { expect, it, vi } from 'vitest';
import { fakeD1 } from './fake-d1.ts';
import { processShop, registeredTags } from './process-world.ts';
import { atEnd, installedOnce, SCHEMA, shopFile, tagsOf, tagsReadBy, trackedShop, type World } from './world.ts';

const READ = 'SELECT note FROM users WHERE id = 1';
const ELSEWHERE = expect.stringMatching(/^other-database: another file than the one that is followed/);

type Read = () => Promise<unknown>;

/** How a statement is read on a connection to the file. */
const DRIVERS: readonly (readonly [string, (world: World, path: string) => Read])[] = [
  ...(
    [
      ['node:sqlite', DatabaseSync],
      ['better-sqlite3', BetterSqlite],
      ['libsql', LibSqlite],
    ] as unknown as readonly (readonly [string, new (path: string) => DatabaseSync])[]
  ).map(
    ([name, Made]) =>
      [
        name,
        ({ tracker }: World, path: string) => {
          const raw = new Made(path);
          atEnd(() => raw.close());
          const db = tracker.wrap(raw);
          return async () => db.prepare(READ).all();
        },
      ] as const,
  ),
  [
    '@libsql/client',
    ({ tracker }, path) => {
      const raw = createClient({ url: `file:${path}` });
      atEnd(() => raw.close());
      const db = tracker.wrap(raw);
      return async () => db.execute(READ);
    },
  ],
  [
    '@libsql/client, in a batch',
    ({ tracker }, path) => {
      const raw = createClient({ url: `file:${path}` });
      atEnd(() => raw.close());
      const db = tracker.wrap(raw);
      return async () => db.batch([READ], 'read');
    },
  ],
  [
    'D1',
    ({ tracker }, path) => {
      const db = tracker.wrap(fakeD1(path));
      return async () => db.prepare(READ).all();
    },
  ],
];

const reasonsOf = async ({ tracker }: World, read: Read) => (await tagsReadBy(tracker, read)).reasons;

it.each(DRIVERS)('%s: another file, also a copy of it', async (_, open) => {
  const world = await trackedShop();
  const other = shopFile();
  expect(await reasonsOf(world, open(world, world.path))).toEqual([]);
  const reasons = await reasonsOf(world, open(world, other));
  expect(reasons).toEqual([ELSEWHERE]);
  // Whoever gets a response is not told of files.
  expect(reasons.join()).not.toContain(other);
  const told = `${other}; wrap a connection to that one, or give this file a tracker of its own`;
  expect(world.tracker.status().problems.join()).toContain(told);
  expect(world.faults.join()).toContain(told);

  world.outside.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  copyFileSync(world.path, `${world.path}.copy`);
  expect(await reasonsOf(world, open(world, `${world.path}.copy`))).toEqual([ELSEWHERE]);
});

/** Without a log beside it, which belongs to a path. */
function plainFile(more = ''): string {
  const path = shopFile();
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = DELETE; ${more}`);
  db.close();
  return path;
}

it.each(DRIVERS)('%s: the file under other paths', async (_, open) => {
  const world = await trackedShop({}, plainFile());
  symlinkSync(world.path, `${world.path}.symbolic`);
  expect(await reasonsOf(world, open(world, relative('.', world.path)))).toEqual([]);
  expect(await reasonsOf(world, open(world, `${world.path}.symbolic`))).toEqual([]);
  // By another name of the file SQLite takes another log of it, which the feed does not see.
  linkSync(world.path, `${world.path}.hard`);
  expect(await reasonsOf(world, open(world, `${world.path}.hard`))).toEqual([ELSEWHERE]);
});

it.each(
  (
    [
      ['node:sqlite', DatabaseSync],
      ['better-sqlite3', BetterSqlite],
    ] as unknown as readonly (readonly [string, new (path: string) => DatabaseSync])[]
  ).flatMap(([name, Made]) => [':memory:', ''].map((path) => [name, path, Made] as const)),
)('%s: a database in memory, by "%s"', async (_, path, Made) => {
  const world = await trackedShop();
  const raw = new Made(path);
  atEnd(() => raw.close());
  raw.exec(SCHEMA);
  const db = world.tracker.wrap(raw);
  expect(await reasonsOf(world, async () => db.prepare(READ).all())).toEqual([ELSEWHERE]);
  expect(world.tracker.status().problems[0]).toContain('a database in memory');
});

it('a connection that is opened late, and again', async () => {
  const world = await trackedShop();
  const raw = new DatabaseSync(world.path, { open: false });
  const db = world.tracker.wrap(raw);
  const read = async () => db.prepare(READ).all();
  raw.open();
  expect(await reasonsOf(world, read)).toEqual([]);
  raw.close();
  raw.open();
  atEnd(() => raw.close());
  await reasonsOf(world, read);
  expect(await reasonsOf(world, read)).toEqual([]);
});

it('an attached database is told of with its mend', async () => {
  const world = await trackedShop();
  world.db.exec(`ATTACH '${shopFile()}' AS other`);
  const reasons = (text: string) => tagsOf(world.tracker, () => world.db.prepare(text).all()).reasons;
  expect(reasons('SELECT note FROM other.users')).toEqual([expect.stringMatching(/^uncovered-table: other.users/)]);
  expect(reasons(READ)).toEqual(['session-state']);
  expect(world.tracker.status().problems.join()).toMatch(/ATTACH.*read on another connection/);
});

it.each(DRIVERS.filter(([name]) => name !== 'D1'))('%s: a file that another one took the place of', async (_, open) => {
  const world = await trackedShop({}, plainFile());
  const before = open(world, world.path);
  expect(await reasonsOf(world, before)).toEqual([]);
  const other = plainFile(`ALTER TABLE users ADD COLUMN later TEXT; UPDATE users SET note = 'new'`);
  await installedOnce(other);
  renameSync(other, world.path);
  const after = open(world, world.path);
  // The catalogue is that of the new file, and so are the tables that the feed knows.
  await vi.waitFor(async () => expect(await reasonsOf(world, after)).toEqual([]), 5_000);
  const reader = new DatabaseSync(world.path);
  atEnd(() => reader.close());
  const db = world.tracker.wrap(reader);
  const later = () => tagsOf(world.tracker, () => db.prepare('SELECT later FROM users WHERE id = 1').all());
  await vi.waitFor(() => expect(later().reasons).toEqual([]), 5_000);
  const [tag] = later().tags as [string];
  const writer = new DatabaseSync(world.path);
  atEnd(() => writer.close());
  writer.exec(`UPDATE users SET later = 'x' WHERE id = 1`);
  await world.tracker.settled();
  expect(world.target.tags.has(tag)).toBe(true);
  expect(await reasonsOf(world, before)).toEqual([ELSEWHERE]);
});

it('look-ups are run on the file that took the place', async () => {
  const world = await trackedShop({}, plainFile());
  const other = plainFile('UPDATE orders SET user_id = 2 WHERE id = 1');
  await installedOnce(other);
  renameSync(other, world.path);
  const raw = new DatabaseSync(world.path);
  atEnd(() => raw.close());
  const db = world.tracker.wrap(raw);
  const text = 'SELECT u.age > 0 FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = 1';
  const read = () => tagsOf(world.tracker, () => db.prepare(text).all());
  await vi.waitFor(() => expect(read().reasons).toEqual([]), 5_000);
  const [tag] = read().tags as [string];
  const writer = new DatabaseSync(world.path);
  atEnd(() => writer.close());
  writer.exec('UPDATE users SET age = -1 WHERE id = 2');
  await world.tracker.settled();
  expect(world.target.tags.has(tag)).toBe(true);
});

it('an application of a feed process that has another file open', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  expect((await registeredTags(tracker, () => db.prepare(READ).all())).reasons).toEqual([]);
  const raw = new DatabaseSync(shopFile());
  atEnd(() => raw.close());
  const other = tracker.wrap(raw);
  expect((await registeredTags(tracker, () => other.prepare(READ).all())).reasons).toEqual([ELSEWHERE]);
});
