// Random transactions of several connections at once, while the feed's own connections are cut and the feed is started
// again: what it tells, applied in order, gives the tables as they are. A change missed, repeated or out of order shows.

import type pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ChangeSet, FeedPosition } from '../../src/dependency/change.ts';
import { createPostgresFeed } from '../../src/feed/postgres/logical/feed.ts';
import { installPostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import type { PostgresFeed } from '../../src/feed/postgres/options.ts';
import { nodePostgres } from '../../src/feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../src/feed/postgres/trigger/feed.ts';
import { installPostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  Replica,
  shapesOf,
  startServer,
  systemClock,
  systemTasks,
  tableNow,
  withSession,
} from './postgres-kit.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startServer('deadlock_timeout=10ms');
}, 120_000);
afterAll(() => server?.stop());

const TABLES = [
  `CREATE TABLE items (id int PRIMARY KEY, name text, body text, amount numeric(12, 3), flag boolean, at timestamptz,
    twice int GENERATED ALWAYS AS (id * 2) STORED)`,
  'ALTER TABLE items ALTER COLUMN body SET STORAGE EXTERNAL',
  'CREATE TABLE links (a int, b int, note text, bytes bytea, PRIMARY KEY (a, b))',
];
const WRITERS = 4;
const TRANSACTIONS = 400;
const SEED = 20_261_122;

/** Mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const TEXTS = [`''`, `'a "quoted", (one) \\ two'`, 'NULL', `E'line\\nline\\ttab'`, `'é𝄞 ﻿x'`, `'NULL'`, `' '`];

function statementOf(random: (below: number) => number): string {
  const id = random(40);
  const text = TEXTS[random(TEXTS.length)];
  const body = `repeat(md5('${random(1e6)}'), ${random(3) === 0 ? 300 : 1})`;
  switch (random(12)) {
    case 0:
    case 1:
    case 2:
      return `INSERT INTO items (id, name, body, amount, flag, at) VALUES (${id}, ${text}, ${body}, ${random(1e6)} / 7.0,
        ${random(2) === 0}, '2026-01-01'::timestamptz + '${random(1e6)} seconds') ON CONFLICT (id) DO UPDATE SET amount = 0.5`;
    case 3:
    case 4:
      return `UPDATE items SET name = ${text} WHERE id = ${id}`;
    case 5:
      return `UPDATE items SET id = ${random(40)}, flag = NULL WHERE id = ${id}`;
    case 6:
      return `UPDATE items SET body = ${body} WHERE id BETWEEN ${id} AND ${id + 5}`;
    case 7:
      return `DELETE FROM items WHERE id = ${id}`;
    case 8:
    case 9:
      return `INSERT INTO links VALUES (${id % 6}, ${random(6)}, ${text}, '\\x00ff${id + 10}') ON CONFLICT DO NOTHING`;
    case 10:
      return `UPDATE links SET b = ${random(6)}, note = ${text} WHERE a = ${id % 6} AND b = ${random(6)}`;
    default:
      return random(6) === 0 ? 'TRUNCATE links' : `DELETE FROM links WHERE a = ${id % 6}`;
  }
}

async function write(client: pg.Client, random: (below: number) => number): Promise<void> {
  await client.query('BEGIN');
  try {
    for (let left = 1 + random(4); left > 0; left--) {
      const hasSavepoint = random(4) === 0;
      if (hasSavepoint) await client.query('SAVEPOINT s');
      await client.query(statementOf(random));
      // So that others commit in between.
      if (random(20) === 0) await client.query('SELECT pg_sleep(0.03)');
      if (hasSavepoint && random(2) === 0) await client.query('ROLLBACK TO SAVEPOINT s');
    }
    await client.query(random(6) === 0 ? 'ROLLBACK' : 'COMMIT');
  } catch {
    // A key that is there already, or a deadlock.
    await client.query('ROLLBACK');
  }
}

const KILLED = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'tidegate' AND datname = current_database()`;

class World {
  readonly replica = new Replica();
  readonly gaps: string[] = [];
  readonly faults: unknown[] = [];
  transactions = 0;
  feed: PostgresFeed;
  #position: FeedPosition | undefined;
  readonly #make: () => PostgresFeed;

  constructor(make: () => PostgresFeed) {
    this.#make = make;
    this.feed = make();
  }

  async start(): Promise<void> {
    await this.feed.start(this.#position, {
      changed: async (set: ChangeSet) => {
        try {
          this.replica.apply(set);
        } catch (fault) {
          this.faults.push(fault);
        }
        if (set.transaction !== undefined) this.transactions++;
        this.#position = set.position;
        this.feed.acknowledge(set.position);
        await undefined;
      },
      gap: (reason, position) => {
        this.gaps.push(reason);
        this.#position = position;
      },
      reached: (position) => {
        this.#position = position;
        this.feed.acknowledge(position);
      },
    });
  }

  async restart(): Promise<void> {
    await this.feed.stop();
    this.feed = this.#make();
    await this.start();
  }
}

async function run(url: string, make: (catalogue: pg.Client) => PostgresFeed): Promise<void> {
  const clients = await Promise.all(Array.from({ length: WRITERS + 2 }, () => connected(url)));
  const [main, catalogue, ...writers] = clients as [pg.Client, pg.Client, ...pg.Client[]];
  const world = new World(() => make(catalogue));
  await world.start();
  await vi.waitFor(() => expect(world.gaps).toHaveLength(1), 10_000);
  const random = randomOf(SEED);
  const phase = async (disturb: () => Promise<unknown>) => {
    let left = writers.length;
    const writing = writers.map(async (writer) => {
      for (let count = 0; count < TRANSACTIONS; count++) await write(writer, random);
      left--;
    });
    while (left > 0) {
      await disturb();
      await new Promise((done) => setTimeout(done, 60));
    }
    await Promise.all(writing);
  };
  const settle = async () => {
    const count = world.transactions;
    await main.query(`INSERT INTO links VALUES (999, ${count}, NULL, NULL) ON CONFLICT DO NOTHING`);
    const marked = () => [...(world.replica.tables.get('links')?.keys() ?? [])].includes(`999|${count}`);
    await vi.waitFor(() => expect(marked()).toBe(true), { timeout: 30_000, interval: 20 });
  };
  const shapes = shapesOf(catalogue);
  const compare = async () => {
    for (const name of ['items', 'links']) {
      const shape = await shapes({ id: 0, schema: 'public', name });
      if (shape === undefined) throw new Error(`expected a table ${name}`);
      const told = world.replica.tables.get(name) ?? new Map<string, string>();
      const there = await tableNow(main, shape);
      expect(sorted(told)).toEqual(sorted(there));
    }
    expect(world.faults).toEqual([]);
    expect(world.gaps).toHaveLength(1);
  };
  try {
    let cut = 0;
    await phase(async () => {
      if (random(3) === 0) return world.restart();
      const { rowCount } = await main.query(KILLED);
      cut += rowCount ?? 0;
    });
    await settle();
    await compare();
    expect(cut).toBeGreaterThan(3);
    expect(world.transactions).toBeGreaterThan(200);
    world.replica.isLoose = true;
    const before: number[] = [];
    await phase(() => {
      before.push(world.replica.truncates.get('items') ?? 0);
      return main.query(alteration(before.length - 1));
    });
    // A comparison of the catalogue may be told before rows that are older than it, or after rows that are newer. So rows
    // compare once all of them were written, and told, after the last alteration was told.
    await vi.waitFor(
      async () => {
        await main.query('UPDATE items SET flag = false');
        await main.query(`UPDATE links SET note = 'last'`);
        await settle();
        await compare();
      },
      { timeout: 30_000, interval: 100 },
    );
    expect(Math.max(...before)).toBeLessThan(world.replica.truncates.get('items') ?? 0);
  } finally {
    await world.feed.stop();
    await Promise.all(clients.map((client) => client.end()));
  }
}

const sorted = (rows: ReadonlyMap<string, string>) => [...rows].sort(([left], [right]) => (left < right ? -1 : 1));

function alteration(count: number): string {
  const changes = [
    `ADD COLUMN c${count} int DEFAULT 7`,
    'ALTER COLUMN name TYPE varchar(200) USING upper(name)',
    `DROP COLUMN IF EXISTS c${count - 2}`,
    'ALTER COLUMN name TYPE text',
  ];
  return `ALTER TABLE items ${changes[count % changes.length]}`;
}

test('logical replication tells what happened, in order, once', async () => {
  const url = await freshDatabase(server, 'logical');
  const client = await connected(url);
  for (const statement of TABLES) await client.query(statement);
  await client.end();
  const names = { slot: 'random', publication: 'random' };
  await withSession(url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'full' }));
  const connect = nodePostgres(url);
  const parts = { connect, clock: systemClock, tasks: systemTasks, heartbeatMs: 60 };
  await run(url, (catalogue) => createPostgresFeed({ ...parts, ...names, shapeOf: shapesOf(catalogue) }));
}, 120_000);

test('triggers tell what happened, in an order in which it can have happened, once', async () => {
  const url = await freshDatabase(server, 'triggers');
  const client = await connected(url);
  for (const statement of TABLES) await client.query(statement);
  await client.end();
  await withSession(url, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
  const parts = { connect: nodePostgres(url), clock: systemClock, tasks: systemTasks, heartbeatMs: 60 };
  await run(url, (catalogue) => createPostgresTriggerFeed({ ...parts, shapeOf: shapesOf(catalogue) }));
}, 120_000);
