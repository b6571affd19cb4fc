// What every ChangeFeed must do, on a real database. The world is two tables that the suite writes through a connection
// that the feed knows nothing of; waiting is for the database, never for time to pass.

import { afterEach, expect, it, vi } from 'vitest';
import type { FeedPosition } from '../../src/dependency/change.ts';
import type { ChangeFeed } from '../../src/ports.ts';
import { Heard, lineOf } from './heard.ts';

/** A database with these two tables, empty, and the feed installed on both. */
export const FEED_TABLES = [
  'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)',
  'CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, total INTEGER)',
];

export interface FeedWorld {
  /** A feed that has not begun; each is of the same log or slot, and only one runs at a time. Heartbeat: 50 ms or less. */
  makeFeed(): Eventually<ChangeFeed>;
  /** Runs statements as one transaction, through a connection of its own. */
  write(...statements: readonly string[]): Promise<void>;
  /** Empties `users` by the fastest statement the database has for it. */
  truncateUsers(): Promise<void>;
  /** Takes away what continuity hangs on, and puts a new one in its place if the feed does not do so itself. */
  loseLog(): Promise<void>;
  close(): Promise<void>;
}

type Eventually<T> = T | Promise<T>;

export { Heard, lineOf };

const wait = { timeout: 10_000, interval: 5 };

/** Waits until the lines heard are these. */
async function hears(heard: Heard, lines: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(heard.lines.length).toBeGreaterThanOrEqual(lines.length), wait).catch(() => undefined);
  expect(heard.lines).toEqual(lines);
}

/** Declares the suite; call it inside a `describe`. */
export function testChangeFeedContract(makeWorld: () => Promise<FeedWorld>): void {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const begin = async () => {
    const world = await makeWorld();
    ends.push(() => world.close());
    const start = async (from: FeedPosition | undefined, heard: Heard) => {
      const feed = await world.makeFeed();
      ends.push(() => feed.stop());
      await feed.start(from, heard);
      return feed;
    };
    /** A feed that has said where it begins, so that all that is written from now on is heard. */
    const live = async () => {
      const heard = new Heard();
      const feed = await start(undefined, heard);
      await vi.waitFor(() => expect(feed.status().state).toBe('live'), wait);
      await vi.waitFor(() => expect(heard.position).toBeDefined(), wait);
      return { feed, heard };
    };
    return { world, start, live };
  };
  testImages(begin);
  testResuming(begin);
  testConduct(begin);
}

interface Begun {
  readonly world: FeedWorld;
  start(from: FeedPosition | undefined, heard: Heard): Promise<ChangeFeed>;
  live(): Promise<{ readonly feed: ChangeFeed; readonly heard: Heard }>;
}

function testImages(begin: () => Promise<Begun>): void {
  it('says that it knows nothing of the time before a start without a position', async () => {
    const { live } = await begin();
    const { heard } = await live();
    expect(heard.gaps).toHaveLength(1);
    expect(heard.lines).toEqual([]);
  });

  it('tells inserts, updates and deletes with exact images, in order', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`, `INSERT INTO users VALUES (2, 'Zoë', NULL)`);
    await world.write(`UPDATE users SET age = 31 WHERE id = 1`);
    await world.write(`UPDATE users SET id = 7 WHERE id = 2`, `DELETE FROM users WHERE id = 1`);
    await hears(heard, [
      'insert users 1,Ann,30',
      'insert users 2,Zoë,null',
      'update users 1,Ann,30 -> 1,Ann,31',
      'update users 2,Zoë,null -> 7,Zoë,null',
      'delete users 1,Ann,31',
    ]);
    const [first] = heard.changes;
    expect(first?.table.columns.map((column) => column.name)).toEqual(['id', 'name', 'age']);
    expect(first?.table.key).toEqual([0]);
  });

  it('tells one transaction over several tables as one, and a rolled-back statement not at all', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`, 'INSERT INTO orders VALUES (9, 1, 100)');
    await hears(heard, ['insert users 1,Ann,30', 'insert orders 9,1,100']);
    expect(heard.sets).toHaveLength(1);
    await expect(
      world.write(`INSERT INTO users VALUES (2, 'Bob', 1)`, `INSERT INTO users VALUES (1, 'twice', 1)`),
    ).rejects.toThrow();
    await world.write('DELETE FROM orders');
    await hears(heard, ['insert users 1,Ann,30', 'insert orders 9,1,100', 'delete orders 9,1,100']);
  });

  it('tells a truncate, or the delete of each row', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`, `INSERT INTO users VALUES (2, 'Bob', 31)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(2), wait);
    await world.truncateUsers();
    await vi.waitFor(() => expect(heard.lines.length).toBeGreaterThan(2), wait);
    await world.write('INSERT INTO orders VALUES (1, 1, 1)');
    await vi.waitFor(() => expect(heard.lines.at(-1)).toBe('insert orders 1,1,1'), wait);
    const told = heard.lines.slice(2, -1);
    if (told.includes('truncate users')) return;
    expect([...told].sort()).toEqual(['delete users 1,Ann,30', 'delete users 2,Bob,31']);
  });

  it('tells a truncate of a table whose columns changed, and its rows in the new shape', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
    await world.write('ALTER TABLE users ADD COLUMN email TEXT');
    await world.write(`UPDATE users SET email = 'ann@host.example' WHERE id = 1`);
    await vi.waitFor(() => {
      expect(heard.lines).toContain('truncate users');
      const last = heard.changes.findLast((change) => change.kind === 'update' || change.kind === 'truncate');
      expect(last?.table.columns.map((column) => column.name)).toEqual(['id', 'name', 'age', 'email']);
    }, wait);
    const updated = heard.changes.findLast((change) => change.kind === 'update');
    // A cell that is not known is MAYBE; one that is known must be right.
    if (updated !== undefined) expect(updated.new[3] ?? 'ann@host.example').toBe('ann@host.example');
  });
}

function testResuming(begin: () => Promise<Begun>): void {
  it('resumes where it was: nothing missed that was written meanwhile, nothing repeated', async () => {
    const { world, start, live } = await begin();
    const { feed, heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
    const position = heard.sets.at(-1)?.position as FeedPosition;
    feed.acknowledge(position);
    await feed.stop();
    await world.write(`INSERT INTO users VALUES (2, 'Bob', 31)`);
    await world.write('INSERT INTO orders VALUES (1, 2, 5)');
    const again = new Heard();
    await start(position, again);
    await hears(again, ['insert users 2,Bob,31', 'insert orders 1,2,5']);
    expect(again.gaps).toEqual([]);
  });

  it('tells again what was told, but not acknowledged', async () => {
    const { world, start, live } = await begin();
    const { feed, heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
    const position = heard.sets.at(-1)?.position as FeedPosition;
    feed.acknowledge(position);
    for (const id of [2, 3]) await world.write(`INSERT INTO users VALUES (${id}, 'Bob', 31)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(3), wait);
    await feed.stop();
    const again = new Heard();
    await start(position, again);
    await hears(again, ['insert users 2,Bob,31', 'insert users 3,Bob,31']);
    expect(again.gaps).toEqual([]);
  });

  it('has positions that sort as they were told', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    for (let id = 1; id <= 12; id++) {
      await world.write(`INSERT INTO users VALUES (${id}, 'n', ${id})`);
      await vi.waitFor(() => expect(heard.lines).toHaveLength(id), wait);
    }
    const positions = heard.sets.map((set) => set.position);
    expect([...positions].sort()).toEqual(positions);
    expect(new Set(positions).size).toBe(positions.length);
    expect((heard.gaps[0]?.position ?? '') < (positions[0] ?? '')).toBe(true);
  });

  it('tells a gap when the log was lost while it was stopped, and goes on', async () => {
    const { world, start, live } = await begin();
    const { feed, heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
    const position = heard.sets.at(-1)?.position as FeedPosition;
    feed.acknowledge(position);
    await feed.stop();
    await world.loseLog();
    await world.write(`INSERT INTO users VALUES (2, 'Bob', 31)`);
    const again = new Heard();
    await start(position, again);
    await vi.waitFor(() => expect(again.gaps).toHaveLength(1), wait);
    await world.write(`INSERT INTO users VALUES (3, 'Cid', 32)`);
    await vi.waitFor(() => expect(again.lines.at(-1)).toBe('insert users 3,Cid,32'), wait);
    expect(again.gaps).toHaveLength(1);
    expect((again.gaps[0]?.position as string) < (again.sets.at(-1)?.position as string)).toBe(true);
  });

  it('tells a gap when the position is of another feed', async () => {
    const { start } = await begin();
    const heard = new Heard();
    await start('no position of this feed', heard);
    await vi.waitFor(() => expect(heard.gaps).toHaveLength(1), wait);
  });
}

function testConduct(begin: () => Promise<Begun>): void {
  it('tells nothing more until its listener is done', async () => {
    const { world, live } = await begin();
    const { heard } = await live();
    const { promise, resolve } = Promise.withResolvers<void>();
    heard.hold = promise;
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.sets).toHaveLength(1), wait);
    const before = heard.reachedAt.length;
    for (const id of [2, 3, 4]) await world.write(`INSERT INTO users VALUES (${id}, 'Bob', 31)`);
    await new Promise((done) => setTimeout(done, 150));
    expect(heard.sets).toHaveLength(1);
    expect(heard.reachedAt).toHaveLength(before);
    heard.hold = undefined;
    resolve();
    await vi.waitFor(() => expect(heard.lines).toHaveLength(4), wait);
    expect(heard.mostOpen).toBe(1);
  });

  it('says at each heartbeat how far it is, when nothing is written too', async () => {
    const { world, live } = await begin();
    const { feed, heard } = await live();
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1), wait);
    const count = heard.reachedAt.length;
    await vi.waitFor(() => expect(heard.reachedAt.length).toBeGreaterThan(count + 2), wait);
    expect([...heard.reachedAt].sort()).toEqual(heard.reachedAt);
    expect((heard.reachedAt.at(-1) as string) >= (heard.sets[0]?.position as string)).toBe(true);
    expect(feed.status()).toMatchObject({ state: 'live', problems: [] });
    expect(feed.status().lagMs).toBeLessThan(5_000);
  });

  it('tells nothing once stopped', async () => {
    const { world, live } = await begin();
    const { feed, heard } = await live();
    await feed.stop();
    const told = heard.sets.length + heard.gaps.length + heard.reachedAt.length;
    await world.write(`INSERT INTO users VALUES (1, 'Ann', 30)`);
    await new Promise((done) => setTimeout(done, 150));
    expect(heard.sets.length + heard.gaps.length + heard.reachedAt.length).toBe(told);
    expect(feed.status().state).toBe('stopped');
  });
}
