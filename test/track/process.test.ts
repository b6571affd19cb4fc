// A feed process and the applications that track by it: what is registered, what is outdated, and what is refused.

import { expect, it, vi } from 'vitest';
import { createTracker, feedProcess, sqliteDatabase, startFeedProcess } from '../../src/track/index.ts';
import { between, processShop, registeredTags } from './process-world.ts';
import { installedOnce, shopFile, tagsOf, trackedShop } from './world.ts';

const USER = 'SELECT * FROM users WHERE id = ?';

it('two applications have one tag for one read, and a change makes it outdated for both', async () => {
  const world = await processShop();
  const one = await world.application();
  const other = await world.application();
  const mine = await registeredTags(one.tracker, () => one.db.prepare(USER).get(1));
  const theirs = await registeredTags(other.tracker, () => other.db.prepare(USER).get(1));
  const second = await registeredTags(other.tracker, () => other.db.prepare(USER).get(2));
  expect(mine).toEqual({ tags: [expect.stringMatching(/^q/)], reasons: [] });
  expect(theirs).toEqual(mine);
  expect(world.process.status()).toMatchObject({
    state: 'live',
    clients: 2,
    instances: 2,
    registrations: 3,
    refused: 0,
  });
  world.outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  await other.tracker.settled();
  expect([...world.target.tags]).toEqual(mine.tags);
  expect(second.tags).not.toEqual(mine.tags);
});

it('tags are those of a tracker with a database of its own', async () => {
  const world = await processShop();
  const own = await trackedShop();
  const { tracker, db } = await world.application();
  const sql = 'SELECT firstName FROM users WHERE age > ? AND firstName LIKE ? ORDER BY id LIMIT 2';
  const { tags } = await registeredTags(tracker, () => db.prepare(sql).all(10, 'L%'));
  expect(tagsOf(own.tracker, () => own.db.prepare(sql).all(10, 'L%')).tags).toEqual(tags);
});

it('registers values of any kind exactly', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  world.outside.exec(`CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, r REAL, b BLOB, t TEXT);
    INSERT INTO things VALUES (1, 9007199254740993, -0.5, x'00ff', 'ä'), (2, 5, 1e300, x'', '')`);
  await world.restart();
  const any = () => registeredTags(tracker, () => db.prepare('SELECT id FROM things LIMIT 0').all());
  await vi.waitFor(async () => expect((await any()).reasons).toEqual([]));
  const reads: [string, unknown][] = [
    ['SELECT * FROM things WHERE n = ?', 9007199254740993n],
    ['SELECT * FROM things WHERE b = ?', new Uint8Array([0, 255])],
    ['SELECT * FROM things WHERE r < ?', -0],
    ['SELECT * FROM things WHERE t IS ?', null],
  ];
  const tags: string[] = [];
  for (const [sql, value] of reads) {
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    const read = await registeredTags(tracker, () => statement.all(value as never));
    expect(read.reasons).toEqual([]);
    tags.push(...read.tags);
  }
  world.outside.exec('DELETE FROM things WHERE id = 1');
  await tracker.settled();
  // All but the last, which has no row.
  expect([...world.target.tags].sort()).toEqual(tags.slice(0, 3).sort());
});

it('a change between the read and its registration makes the tag outdated, and the response is not stored', async () => {
  const world = await processShop();
  let isHeld = true;
  const url = await between(
    () => world.process.url,
    async ({ url }) => {
      if (url === '/reports') await vi.waitFor(() => expect(isHeld).toBe(false), { timeout: 5_000 });
      return false;
    },
  );
  const { tracker, db } = await world.application({ feed: feedProcess({ url }) });
  await world.process.settled();
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(1));
  const registered = scope.registered();
  world.outside.exec('UPDATE users SET age = 32 WHERE id = 1');
  await world.process.settled();
  isHeld = false;
  await registered;
  expect(scope.finish()).toMatchObject({ isStorable: false, reasons: ['overtaken'] });
  await world.process.settled();
  expect([...world.target.tags]).toEqual([expect.stringMatching(/^q/)]);
  expect((await registeredTags(tracker, () => db.prepare(USER).get(1))).reasons).toEqual([]);
});

it('nothing is stored that is not registered when the response goes out', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(1));
  expect(scope.finish().reasons).toEqual(['not-registered: no word of the feed process']);
});

it('a registration that fails leaves the response unstored, and the next one goes on', async () => {
  const world = await processShop();
  let isBroken = false;
  const url = await between(
    () => world.process.url,
    (request, response) => {
      if (!isBroken || request.url !== '/reports') return false;
      response.destroy();
      return true;
    },
  );
  const { tracker, db, faults } = await world.application({ feed: feedProcess({ url }) });
  isBroken = true;
  const read = () => registeredTags(tracker, () => db.prepare(USER).get(1));
  expect((await read()).reasons).toEqual(['not-registered']);
  await vi.waitFor(() => expect(String(faults)).toContain('expected an answer of the feed process'));
  isBroken = false;
  await vi.waitFor(async () => expect((await read()).reasons).toEqual([]));
});

it('a process that begins anew makes all outdated, and applications come back by themselves', async () => {
  const world = await processShop();
  const { tracker, db, faults } = await world.application();
  const read = () => registeredTags(tracker, () => db.prepare(USER).get(1));
  expect((await read()).reasons).toEqual([]);
  expect(world.target.sessions).toBe(1);
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(2));
  await scope.registered();
  await world.process.stop();
  await vi.waitFor(async () => expect((await read()).reasons).toContain('not-registered'));
  await world.restart();
  expect(world.target.sessions).toBe(2);
  await vi.waitFor(async () => expect((await read()).reasons).toEqual([]), { timeout: 5_000 });
  expect(scope.finish().reasons).toEqual(['not-registered: the feed process has begun anew']);
  // Of the connection, and of what was said on it last.
  expect(faults.length).toBeGreaterThan(0);
  expect(faults.length).toBeLessThanOrEqual(2);
  world.outside.exec('UPDATE users SET age = 33 WHERE id = 1');
  await tracker.settled();
  expect(world.target.tags.size).toBe(1);
});

it('a schema that changed is learned, and what was read before is refused or outdated', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  const before = await registeredTags(tracker, () => db.prepare('SELECT * FROM users').all());
  world.outside.exec('ALTER TABLE users ADD COLUMN city TEXT');
  await tracker.settled();
  expect([...world.target.tags]).toEqual(before.tags);
  await vi.waitFor(async () => {
    const read = await registeredTags(tracker, () => db.prepare(`SELECT id FROM users WHERE city = 'Ghent'`).all());
    expect(read.reasons).toEqual([]);
  });
  world.target.tags.clear();
  world.outside.exec(`UPDATE users SET city = 'Ghent' WHERE id = 2`);
  await tracker.settled();
  expect(world.target.tags.size).toBe(1);
});

it('what is not told of is refused by the process, with its name', async () => {
  const path = shopFile();
  const world = await processShop({ database: await installedOnce(path) }, path);
  world.outside.exec('CREATE TABLE later (id INTEGER PRIMARY KEY)');
  await world.process.settled();
  const { tracker, db } = await world.application();
  const read = () => registeredTags(tracker, () => db.prepare('SELECT * FROM later').all());
  await vi.waitFor(async () => expect((await read()).reasons).toEqual(['uncovered-table: later']));
});

it('wider tags are registered as well', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application({ maxTags: 3 });
  const { tags, reasons } = await registeredTags(tracker, () => {
    for (const id of [1, 2, 3]) db.prepare(USER).get(id);
  });
  expect({ tags, reasons }).toEqual({ tags: [expect.stringMatching(/^t/)], reasons: [] });
  world.outside.exec(`INSERT INTO users VALUES (9, 'Mo', 1, '')`);
  await tracker.settled();
  expect(world.target.tags.has(tags[0] as string)).toBe(true);
  const several = (await registeredTags(tracker, () => {
    for (const name of ['id', 'age', 'note']) db.prepare(`SELECT ${name} FROM users`).all();
  })) as { readonly tags: readonly string[] };
  expect(several.tags).toEqual([expect.stringMatching(/^r/)]);
  world.outside.exec('UPDATE users SET note = 1 WHERE id = 9');
  await tracker.settled();
  expect(world.target.tags.has(several.tags[0] as string)).toBe(true);
});

it('the look-ups of a join are run by the process', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  const sql = 'SELECT o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.firstName = ?';
  const lane = await registeredTags(tracker, () => db.prepare(sql).all('Lane'));
  const ola = await registeredTags(tracker, () => db.prepare(sql).all('Ola'));
  expect([...lane.reasons, ...ola.reasons]).toEqual([]);
  world.outside.exec('INSERT INTO orders VALUES (7, 3, 70)');
  await tracker.settled();
  expect([...world.target.tags]).toEqual(ola.tags);
  // Who has none yet may be the next to be called so.
  world.outside.exec(`UPDATE users SET firstName = 'Lane' WHERE id = 2`);
  await tracker.settled();
  expect(world.target.tags.has(lane.tags[0] as string)).toBe(true);
});

it('what cannot be parsed depends on all of the source', async () => {
  const world = await processShop();
  const { tracker, db } = await world.application();
  const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, users WHERE i < 3) SELECT * FROM n';
  const { tags, reasons } = await registeredTags(tracker, () => db.prepare(sql).all());
  expect(reasons).toEqual([]);
  world.outside.exec('UPDATE users SET age = 1');
  await tracker.settled();
  expect([...world.target.tags]).toEqual(tags);
});

it('refuses options that do not go together', async () => {
  const database = sqliteDatabase({ path: shopFile() });
  const feed = feedProcess({ url: 'http://127.0.0.1:1' });
  const create = (options: object) => () => createTracker({ source: 'shop', ...options } as never);
  expect(create({})).toThrow('expected one of database and feed, got neither');
  expect(create({ database, targets: [], feed })).toThrow('expected one of database and feed, got both');
  expect(create({ feed, targets: [] })).toThrow('expected no targets beside feed');
  expect(create({ database, targets: [], caches: [] })).toThrow('expected no caches beside database');
  expect(create({ database })).toThrow('expected targets to be a list');
  expect(create({ database: 'shop.db', targets: [] })).toThrow('expected database to be sqliteDatabase()');
  expect(create({ feed: { url: 'shop' } })).toThrow('expected url to be a URL');
  await expect(
    startFeedProcess({ source: 'shop', database, targets: [], port: 0, host: '0.0.0.0' }),
  ).rejects.toMatchObject({ code: 'E_CONFIG' });
});
