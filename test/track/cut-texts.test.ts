// A text with a zero character, which drivers of libSQL end there: it is not taken for the key of another row.

import { createClient } from '@libsql/client';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import { expect, it } from 'vitest';
import { atEnd, tagsReadBy, trackedShop, type World } from './world.ts';

const READ = 'SELECT word, n FROM words WHERE n > 0 ORDER BY n LIMIT 2';

const DRIVERS: readonly (readonly [string, string, (world: World) => () => Promise<unknown>])[] = [
  ...(
    [
      ['libsql', '9', LibSqlite],
      ['better-sqlite3', '9\0x', BetterSqlite],
    ] as const
  ).map(
    ([name, shown, Made]) =>
      [
        name,
        shown,
        ({ path, tracker }: World) => {
          const raw = new (Made as typeof BetterSqlite)(path);
          atEnd(() => raw.close());
          const db = tracker.wrap(raw);
          return async () => db.prepare(READ).all();
        },
      ] as const,
  ),
  [
    '@libsql/client',
    '9',
    ({ path, tracker }) => {
      const raw = createClient({ url: `file:${path}` });
      atEnd(() => raw.close());
      const db = tracker.wrap(raw);
      return async () => (await db.execute(READ)).rows;
    },
  ],
];

it.each(DRIVERS)('%s', async (_, shown, open) => {
  const world = await trackedShop();
  world.outside.exec('CREATE TABLE words (word TEXT PRIMARY KEY NOT NULL, n INTEGER)');
  world.outside.prepare('INSERT INTO words VALUES (?, 1), (?, 2), (?, 3)').run('9\0x', 'a', 'b');
  await world.tracker.settled();
  const read = open(world);
  await expect.poll(async () => (await tagsReadBy(world.tracker, read)).reasons).toEqual([]);
  const { value, tags } = await tagsReadBy(world.tracker, read);
  expect((value as readonly { readonly word: string }[])[0]?.word).toBe(shown);
  world.outside.prepare('DELETE FROM words WHERE word = ?').run('9\0x');
  await world.tracker.settled();
  expect(tags.every((tag) => world.target.tags.has(tag))).toBe(true);
});
