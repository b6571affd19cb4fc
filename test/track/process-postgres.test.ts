// A feed process that follows real PostgreSQL: it asks look-ups as a tracker of one process does, and gives positions.

import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTracker, feedProcess, postgresDatabase, startFeedProcess } from '../../src/track/index.ts';
import { connected, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { registeredTags } from './process-world.ts';
import { atEnd, NotingTarget } from './world.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server?.stop());

const JOIN = 'SELECT o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.name = $1';

it('the look-ups of a join narrow what is registered, and the answer to a write that waits for nobody has its position', async () => {
  const client = await connected(server.url);
  atEnd(() => client.end());
  await client.query(`CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, total int NOT NULL);
    INSERT INTO users VALUES (1, 'Lane'), (2, 'Kim');
    INSERT INTO orders VALUES (1, 1, 10)`);
  const target = new NotingTarget();
  const database = postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true });
  const running = await startFeedProcess({ source: 'shop', database, targets: [target], port: 0, lease: 1_000 });
  atEnd(() => running.stop());
  const tracker = createTracker({ source: 'shop', feed: feedProcess({ url: running.url }), settle: 0 });
  await tracker.start();
  atEnd(() => tracker.stop());
  const pool = new pg.Pool({ connectionString: server.url, max: 1 });
  atEnd(() => pool.end());
  const db = tracker.wrap(pool);
  const read = () => registeredTags(tracker, () => db.query(JOIN, ['Lane']));
  await vi.waitFor(async () => expect((await read()).reasons).toEqual([]), { timeout: 10_000, interval: 50 });
  const { tags } = await read();
  let id = 10;
  // Until the look-up has come, an order of anybody may be one of Lane's.
  await vi.waitFor(
    async () => {
      target.tags.clear();
      await read();
      await client.query('INSERT INTO orders VALUES ($1, 2, 70)', [id++]);
      await tracker.settled();
      expect([...target.tags]).toEqual([]);
    },
    { timeout: 10_000, interval: 50 },
  );
  await client.query('INSERT INTO orders VALUES ($1, 1, 70)', [id++]);
  await tracker.settled();
  expect([...target.tags]).toEqual(tags);
  const handler = tracker.fetch(async () => {
    await db.query('INSERT INTO orders VALUES ($1, 1, 70)', [id++]);
    return new Response('');
  });
  const answer = await handler(new Request('http://shop.example/', { method: 'POST' }));
  expect(answer.headers.get('tidegate-settled')).toBe('no');
  expect(answer.headers.get('tidegate-position')).toMatch(/^shop;./);
}, 30_000);
