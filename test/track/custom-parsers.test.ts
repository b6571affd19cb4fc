// Parsers of the application's own make of values what they like; what a page depends on is told by what the database sent.

import pg from 'pg';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { NotingTarget } from './world.ts';

const TIME = 1184;
const DECIMAL = 1700;
const BIG = 20;

let server: PostgresServer;
let outside: pg.Client;
let tracker: Tracker;
const target = new NotingTarget();
const faults: unknown[] = [];
const builtin = new Map([16, BIG, 23, 25, DECIMAL, TIME].map((id) => [id, pg.types.getTypeParser(id, 'text')]));

async function start(slot: string): Promise<Tracker> {
  const made = createTracker({
    source: slot,
    database: postgresDatabase({ connection: server.url, slot, publication: slot, install: true }),
    targets: [target],
    onFault: (error) => faults.push(error),
  });
  await made.start();
  return made;
}

beforeAll(async () => {
  server = await startServer();
  outside = await connected(server.url);
  await outside.query(`CREATE TABLE sales (id bigint PRIMARY KEY, at timestamptz, price numeric, code text COLLATE "C", n int);
    CREATE TABLE parts (id bigint PRIMARY KEY, sale bigint, note text)`);
  tracker = await start('sales');
}, 60_000);
afterAll(async () => {
  await tracker?.stop();
  await outside?.end();
  await server?.stop();
}, 30_000);
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  for (const [id, parse] of builtin) pg.types.setTypeParser(id, parse);
  expect(faults.splice(0).filter((fault) => (fault as { code?: string }).code !== 'E_UNSEEN')).toEqual([]);
});

function ended<T extends { end(): Promise<unknown> }>(driver: T, by = tracker): T {
  ends.push(() => driver.end());
  return by.wrap(driver);
}

const at = (micros: number) => `2024-01-01 00:00:00.${String(micros).padStart(6, '0')}+00`;

/** Microseconds after midnight, a price, and what parsers would cut of both. */
async function fill(): Promise<void> {
  await outside.query('DELETE FROM sales; DELETE FROM parts');
  await outside.query(
    `INSERT INTO sales VALUES (1, '${at(100)}', 1.01, 'a', 1), (2, '${at(900)}', 1.04, 'b', 2), (30000000001, '${at(5000)}', 9, 'c', NULL);
     INSERT INTO parts VALUES (1, 1, 'x'), (2, 30000000001, 'y')`,
  );
  await tracker.settled();
}

/** Whether the page is made outdated by a write that changes it, and by one that does not. */
async function isTold(read: () => Promise<unknown>, write: string): Promise<boolean> {
  const scope = tracker.openScope();
  await scope.run(read);
  const { tags, reasons } = scope.finish();
  expect(reasons).toEqual([]);
  target.tags.clear();
  await outside.query(write);
  await tracker.settled();
  return tags.some((tag) => tag.startsWith('q') && target.tags.has(tag));
}

const EARLIEST = 'SELECT id, at FROM sales ORDER BY at LIMIT 2';
const CHEAPEST = 'SELECT id, price FROM sales ORDER BY price LIMIT 2';
const DEAREST = 'SELECT id, price, n FROM sales ORDER BY price DESC NULLS LAST LIMIT 2';
const WITHIN = `INSERT INTO sales VALUES (7, '${at(500)}', 1.02, 'g', 7)`;
const BEYOND = `INSERT INTO sales VALUES (8, '${at(7000)}', 99, 'h', 8)`;

const toMilliseconds = (text: string) => new Date(text).toISOString();
const toOneDigit = (text: string) => Number(text).toFixed(1);

const pools = {
  'process-wide parsers': () => {
    pg.types.setTypeParser(TIME, toMilliseconds);
    pg.types.setTypeParser(DECIMAL, toOneDigit);
    return new pg.Pool({ connectionString: server.url, max: 1 });
  },
  'parsers of a pool': () =>
    new pg.Pool({
      connectionString: server.url,
      max: 1,
      types: {
        getTypeParser: (id: number, format?: string) =>
          id === TIME ? toMilliseconds : id === DECIMAL ? toOneDigit : pg.types.getTypeParser(id, format as 'text'),
      } as never,
    }),
  'parsers of a client': () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    pool.on('connect', (client) => {
      client.setTypeParser(TIME, toMilliseconds);
      client.setTypeParser(DECIMAL, toOneDigit);
    });
    return pool;
  },
};

it.each(Object.entries(pools))('pg, %s', async (_, make) => {
  const pool = ended(make());
  for (const text of [EARLIEST, CHEAPEST]) {
    const read = () => pool.query(text);
    await fill();
    expect((await read()).rows[1]).toMatchObject(
      text === EARLIEST ? { at: '2024-01-01T00:00:00.000Z' } : { price: '1.0' },
    );
    expect(await isTold(read, WITHIN)).toBe(true);
    await fill();
    expect(await isTold(read, BEYOND)).toBe(false);
    const onClient = async () => {
      const client = await pool.connect();
      try {
        return await client.query({ text, rowMode: 'array' });
      } finally {
        client.release();
      }
    };
    await fill();
    expect(await isTold(onClient, WITHIN)).toBe(true);
    await fill();
    expect(await isTold(onClient, BEYOND)).toBe(false);
  }
});

it('pg, parsers of a query, with values, a callback and a config that has its text by a getter', async () => {
  const pool = ended(new pg.Pool({ connectionString: server.url, max: 1 }));
  const types = { getTypeParser: () => () => 'anything' } as never;
  class Statement {
    readonly values = [0];
    readonly types = types;
    get text() {
      return 'SELECT id, price, n FROM sales WHERE id > $1 ORDER BY price DESC NULLS LAST LIMIT 2';
    }
  }
  const asked = [
    () => pool.query(new Statement()),
    () => pool.query({ text: DEAREST, types }),
    () =>
      new Promise((done) =>
        pool.query({ text: DEAREST, types } as never, (_: unknown, answer: unknown) => done(answer)),
      ),
    // A pool knows no callback in it.
    () => pool.query({ text: DEAREST, types, callback: () => undefined } as never),
    async () => {
      const client = await pool.connect();
      return new Promise((done) => {
        client.query({ text: DEAREST, types, callback: (_: unknown, answer: unknown) => done(answer) } as never);
      }).finally(() => client.release());
    },
  ];
  for (const read of asked) {
    await fill();
    expect(((await read()) as pg.QueryResult).rows[0]).toEqual({ id: 'anything', price: 'anything', n: null });
    expect(await isTold(read, `UPDATE sales SET price = 1.05 WHERE id = 1`)).toBe(true);
    await fill();
    expect(await isTold(read, `UPDATE sales SET price = 1.03 WHERE id = 1`)).toBe(false);
    await fill();
    expect(await isTold(read, 'UPDATE sales SET n = 5 WHERE id = 30000000001')).toBe(true);
  }
});

it('pg, parsers that give NULL for what is none, and two columns of one name', async () => {
  const pool = ended(new pg.Pool({ connectionString: server.url, max: 1 }));
  pg.types.setTypeParser(BIG, (text) => (text === '1' ? null : text) as never);
  const joined = 'SELECT s.id, s.n, p.id, p.note FROM sales s LEFT JOIN parts p ON p.sale = s.id WHERE s.price < 100';
  for (const text of ['SELECT id, n FROM sales ORDER BY n NULLS FIRST LIMIT 2', 'SELECT * FROM sales', joined]) {
    for (const id of ['1', '30000000001']) {
      await fill();
      expect(await isTold(() => pool.query(text), `UPDATE sales SET n = 40 WHERE id = ${id}`)).toBe(true);
    }
    await fill();
    const array = () => pool.query({ text, rowMode: 'array' });
    expect(await isTold(array, `UPDATE sales SET n = 50 WHERE id = 1`)).toBe(true);
  }
  await fill();
  expect(await isTold(() => pool.query(joined), `UPDATE parts SET note = 'z' WHERE id = 2`)).toBe(true);
});

it.each([
  ['cut by a parser', { at: { to: TIME, from: [TIME], serialize: String, parse: toMilliseconds } }, {}],
  [
    'cut by a transform',
    {},
    { value: { from: (value: unknown) => (typeof value === 'string' ? value.slice(0, 3) : value) } },
  ],
  ['renamed', {}, postgres.camel],
])('postgres.js, %s', async (_, types, transform) => {
  const sql = ended(
    postgres(server.url, {
      max: 1,
      types: { ...types, price: { to: DECIMAL, from: [DECIMAL], serialize: String, parse: toOneDigit } },
      transform,
    } as never),
  );
  for (const text of [EARLIEST, CHEAPEST]) {
    await fill();
    expect(await isTold(() => sql.unsafe(text), WITHIN)).toBe(true);
    await fill();
    expect(await isTold(() => sql.unsafe(text).values(), WITHIN)).toBe(true);
    await fill();
    expect(await isTold(() => sql.unsafe(text).raw(), WITHIN)).toBe(true);
  }
});

it('postgres.js, as it is', async () => {
  const sql = ended(postgres(server.url, { max: 1 }));
  // It makes Dates of times, which say less.
  for (const text of [EARLIEST, CHEAPEST]) {
    await fill();
    expect(await isTold(() => sql.unsafe(text), WITHIN)).toBe(true);
    await fill();
    expect(await isTold(() => sql.unsafe(text), BEYOND)).toBe(text === EARLIEST);
    await fill();
    expect(await isTold(() => sql.unsafe(text).values(), BEYOND)).toBe(text === EARLIEST);
  }
});

it('what the tracker itself asks is not read by parsers of the application', async () => {
  for (const id of [16, BIG, 23, 25]) pg.types.setTypeParser(id, () => 'x' as never);
  const own = await start('parsed');
  try {
    const scope = own.openScope();
    const pool = ended(new pg.Pool({ connectionString: server.url, max: 1 }), own);
    await scope.run(() => pool.query('SELECT id, n FROM sales WHERE n = 1'));
    const { tags, reasons } = scope.finish();
    expect(reasons).toEqual([]);
    target.tags.clear();
    await outside.query('UPDATE sales SET n = 1 WHERE id = 2');
    await own.settled();
    expect(tags.some((tag) => tag.startsWith('q') && target.tags.has(tag))).toBe(true);
  } finally {
    await own.stop();
  }
});
