// What the feeds of PostgreSQL cost: from COMMIT to heard, and what the triggers add to a write. On a server of its own.
//
// The one complication: a change may be heard before the writer is told that its commit is done. So the clock starts when
// COMMIT is sent.

import type pg from 'pg';
import { createPostgresFeed } from '../src/feed/postgres-feed.ts';
import { installPostgresFeed } from '../src/feed/postgres-install.ts';
import { nodePostgres } from '../src/feed/postgres-session.ts';
import { createPostgresTriggerFeed } from '../src/feed/postgres-trigger-feed.ts';
import { installPostgresTriggers, removePostgresTriggers } from '../src/feed/postgres-trigger-install.ts';
import type { ChangeFeed } from '../src/ports.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  shapesOf,
  startServer,
  systemClock,
  systemTasks,
  withSession,
} from '../test/feed/postgres-kit.ts';

export interface FeedLatency {
  readonly feed: 'logical' | 'triggers';
  readonly changesPerSecond: number;
  /** What was really written. */
  readonly writtenPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface TriggerCost {
  readonly triggers: 'none' | 'rows' | 'rows and notify';
  /** One row a transaction, one connection. */
  readonly singlesPerSecond: number;
  /** In statements of 1,000 rows. */
  readonly bulkRowsPerSecond: number;
}

export interface PostgresFeedFigures {
  readonly latencies: readonly FeedLatency[];
  readonly costs: readonly TriggerCost[];
}

const RATES = [
  { changesPerSecond: 100, rows: 1 },
  { changesPerSecond: 2_000, rows: 10 },
];
const WRITERS = 4;
const ROUNDS = 3;
const BULK_ROWS = 1_000;

/** `seconds`: for each feed and rate. */
export async function measurePostgresFeeds(seconds = 5): Promise<PostgresFeedFigures> {
  const server = await startServer();
  try {
    const latencies: FeedLatency[] = [];
    for (const kind of ['logical', 'triggers'] as const) {
      for (const rate of RATES) latencies.push(await measureLatency(server, { kind, ...rate, seconds }));
    }
    return { latencies, costs: await measureCosts(server) };
  } finally {
    await server.stop();
  }
}

interface Case {
  readonly kind: FeedLatency['feed'];
  readonly changesPerSecond: number;
  /** In a transaction. */
  readonly rows: number;
  readonly seconds: number;
}

async function measureLatency(server: PostgresServer, one: Case): Promise<FeedLatency> {
  const { kind, changesPerSecond, rows, seconds } = one;
  const url = await freshDatabase(server, `bench_${kind}_${changesPerSecond}`);
  const clients = await Promise.all(Array.from({ length: WRITERS + 1 }, () => connected(url)));
  const [main, ...writers] = clients as [pg.Client, ...pg.Client[]];
  await main.query('CREATE TABLE t (id int PRIMARY KEY, v int, body text)');
  await main.query(`INSERT INTO t SELECT n, 0, repeat('x', 200) FROM generate_series(1, 10000) n`);
  const feed = await feedOf(kind, url, main);
  const sentAt: number[] = [];
  const latencies: number[] = [];
  await feed.start(undefined, {
    changed: ({ position, changes }) => {
      const [change] = changes;
      const at = change?.kind === 'update' ? sentAt[Number(change.new[1])] : undefined;
      if (at !== undefined) latencies.push(performance.now() - at);
      feed.acknowledge(position);
    },
    gap: () => undefined,
    reached: (position) => feed.acknowledge(position),
  });
  const count = Math.round((changesPerSecond / rows) * seconds);
  const begun = performance.now();
  const free = [...writers];
  const writing: Promise<void>[] = [];
  for (let number = 1; number <= count; number++) {
    await until(begun + ((number - 1) * 1_000 * rows) / changesPerSecond);
    while (free.length === 0) await until(performance.now() + 1);
    const writer = free.pop() as pg.Client;
    writing.push(write(writer, { number, rows, sentAt }).then(() => void free.push(writer)));
  }
  await Promise.all(writing);
  const tookMs = performance.now() - begun;
  const deadline = performance.now() + 10_000;
  while (latencies.length < count && performance.now() < deadline) await until(performance.now() + 5);
  await feed.stop();
  await Promise.all(clients.map((client) => client.end()));
  const sorted = latencies.toSorted((left, right) => left - right);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  const writtenPerSecond = (count * rows * 1_000) / tookMs;
  return { feed: kind, changesPerSecond, writtenPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function feedOf(kind: Case['kind'], url: string, catalogue: pg.Client): Promise<ChangeFeed> {
  const parts = { connect: nodePostgres(url), shapeOf: shapesOf(catalogue), clock: systemClock, tasks: systemTasks };
  if (kind === 'triggers') {
    await withSession(url, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
    return createPostgresTriggerFeed(parts);
  }
  const names = { slot: new URL(url).pathname.slice(1), publication: 'bench' };
  await withSession(url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'full' }));
  return createPostgresFeed({ ...parts, ...names });
}

interface Write {
  readonly number: number;
  readonly rows: number;
  readonly sentAt: number[];
}

async function write(writer: pg.Client, { number, rows, sentAt }: Write): Promise<void> {
  const from = ((number * rows) % 9_900) + 1;
  await writer.query('BEGIN');
  await writer.query('UPDATE t SET v = $1 WHERE id >= $2 AND id < $3', [number, from, from + rows]);
  sentAt[number] = performance.now();
  await writer.query('COMMIT');
}

async function until(atMs: number): Promise<void> {
  const leftMs = atMs - performance.now();
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
}

async function measureCosts(server: PostgresServer): Promise<readonly TriggerCost[]> {
  const url = await freshDatabase(server, 'bench_costs');
  const client = await connected(url);
  await client.query('CREATE TABLE t (id int PRIMARY KEY, v int, body text)');
  const kinds = ['none', 'rows', 'rows and notify'] as const;
  const figures = new Map(kinds.map((kind) => [kind, { singles: [] as number[], bulk: [] as number[] }]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of kinds) {
      await withSession(url, async (session) => {
        await removePostgresTriggers(session);
        const notifies = kind === 'rows and notify';
        if (kind !== 'none') await installPostgresTriggers(session, { tables: 'all', notifies });
      });
      figures
        .get(kind)
        ?.singles.push(await rateOf(400, () => client.query('UPDATE t SET v = v + 1 WHERE id = 1'), client));
      const bulk = `INSERT INTO t SELECT n, 0, repeat('x', 200) FROM generate_series(1000, ${999 + BULK_ROWS}) n`;
      figures
        .get(kind)
        ?.bulk.push(
          BULK_ROWS * (await rateOf(10, () => client.query(`${bulk}; DELETE FROM t WHERE id >= 1000`), client)) * 2,
        );
    }
  }
  await client.end();
  return kinds.map((triggers) => {
    const { singles = [], bulk = [] } = figures.get(triggers) ?? {};
    return { triggers, singlesPerSecond: median(singles), bulkRowsPerSecond: median(bulk) };
  });
}

async function rateOf(times: number, work: () => Promise<unknown>, client: pg.Client): Promise<number> {
  await client.query(`TRUNCATE t; INSERT INTO t VALUES (1, 0, 'x')`);
  const begun = performance.now();
  for (let time = 0; time < times; time++) await work();
  return (times * 1_000) / (performance.now() - begun);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
