// The feed of SQLite: what its triggers cost a write, and how long a commit takes to be heard.
//
// The one complication: writer and feed share one thread here, as they do in an application. While it writes, nothing is
// heard; the writer therefore gives way after each commit that is due.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TableShape } from '../src/dependency/change.ts';
import { createSqliteFeed } from '../src/feed/sqlite-feed.ts';
import { installSqliteFeed } from '../src/feed/sqlite-install.ts';
import { nodeSqliteRunner } from '../src/feed/sqlite-runner.ts';
import { nodeClock, nodeTasks } from '../src/node/node-ports.ts';

export interface SqliteFeedFigures {
  /** Rows a second in transactions of 100 rows, without and with the triggers: medians of interleaved rounds. */
  readonly writes: Readonly<
    Record<'insert' | 'update' | 'delete', { readonly without: number; readonly with: number }>
  >;
  readonly latency: readonly SqliteFeedLatency[];
}

export interface SqliteFeedLatency {
  /** Asked for, and reached. */
  readonly changesPerSecond: number;
  readonly reachedPerSecond: number;
  /** Whether the writer told the feed, or it found out by itself. */
  readonly isWoken: boolean;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly heard: number;
  readonly written: number;
}

const USERS = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
  age INTEGER, score REAL, note TEXT)`;
const column = (name: string, affinity: 'integer' | 'text' | 'real') => ({
  name,
  type: { family: 'sqlite', affinity, collation: 'binary' } as const,
  isNotNull: false,
});
const shape: TableShape = {
  name: 'users',
  columns: [
    column('id', 'integer'),
    column('name', 'text'),
    column('email', 'text'),
    column('age', 'integer'),
    column('score', 'real'),
    column('note', 'text'),
  ],
  key: [0],
};

export async function benchSqliteFeed({ rows = 20_000, rounds = 5, seconds = 4 } = {}): Promise<SqliteFeedFigures> {
  const latency: SqliteFeedLatency[] = [];
  for (const changesPerSecond of [100, 2_000]) {
    for (const isWoken of [false, true]) latency.push(await latencyAt({ changesPerSecond, isWoken, seconds }));
  }
  return { writes: await writeRates(rows, rounds), latency };
}

async function inDatabase<T>(work: (database: DatabaseSync, file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  const file = join(folder, 'bench.db');
  const database = new DatabaseSync(file);
  try {
    database.exec(`PRAGMA journal_mode = wal; PRAGMA synchronous = normal; ${USERS}`);
    return await work(database, file);
  } finally {
    database.close();
    rmSync(folder, { recursive: true });
  }
}

async function writeRates(rows: number, rounds: number): Promise<SqliteFeedFigures['writes']> {
  const found = { without: [] as Rates[], with: [] as Rates[] };
  for (let round = 0; round < rounds; round++) {
    found.without.push(await inDatabase(async (database) => ratesOf(database, rows)));
    const withTriggers = inDatabase(async (database) => {
      await installSqliteFeed(nodeSqliteRunner(database), [shape]);
      return ratesOf(database, rows);
    });
    found.with.push(await withTriggers);
  }
  const pair = (kind: keyof Rates) => ({
    without: median(found.without.map((rates) => rates[kind])),
    with: median(found.with.map((rates) => rates[kind])),
  });
  return { insert: pair('insert'), update: pair('update'), delete: pair('delete') };
}

type Rates = Record<'insert' | 'update' | 'delete', number>;

function ratesOf(database: DatabaseSync, rows: number): Rates {
  const insert = database.prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)');
  const update = database.prepare('UPDATE users SET age = age + 1 WHERE id = ?');
  const remove = database.prepare('DELETE FROM users WHERE id = ?');
  const rate = (write: (id: number) => void) => {
    const begun = performance.now();
    for (let id = 0; id < rows; id++) {
      if (id % 100 === 0) database.exec('BEGIN');
      write(id);
      if (id % 100 === 99) database.exec('COMMIT');
    }
    return (rows / (performance.now() - begun)) * 1_000;
  };
  return {
    insert: rate((id) =>
      insert.run(id, `name ${id}`, `user${id}@host.example`, id % 90, id / 7, 'a note of some length'),
    ),
    update: rate((id) => update.run(id)),
    delete: rate((id) => remove.run(id)),
  };
}

interface Load {
  readonly changesPerSecond: number;
  readonly isWoken: boolean;
  readonly seconds: number;
}

function latencyAt({ changesPerSecond, isWoken, seconds }: Load): Promise<SqliteFeedLatency> {
  return inDatabase(async (database, file) => {
    const runner = nodeSqliteRunner(database);
    await installSqliteFeed(runner, [shape]);
    const committedAt: number[] = [];
    const delays: number[] = [];
    const feed = createSqliteFeed({
      connect: () => nodeSqliteRunner(new DatabaseSync(file)),
      readTables: () => [shape],
      clock: nodeClock,
      tasks: nodeTasks,
    });
    await feed.start(undefined, {
      changed({ changes, position }) {
        const now = performance.now();
        for (const change of changes) {
          if (change.kind === 'insert') delays.push(now - (committedAt[Number(change.new[0])] as number));
        }
        feed.acknowledge(position);
      },
      gap() {},
      reached() {},
    });
    await pause(100);
    const insert = database.prepare(`INSERT INTO users VALUES (?, 'n', ?, 1, 1.5, 'a note of some length')`);
    const total = changesPerSecond * seconds;
    const begun = performance.now();
    while (committedAt.length < total) {
      const due = Math.min(total, ((performance.now() - begun) / 1_000) * changesPerSecond);
      if (committedAt.length >= due) {
        await pause(1);
        continue;
      }
      insert.run(committedAt.length, `user${committedAt.length}`);
      committedAt.push(performance.now());
      if (isWoken) feed.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const reachedPerSecond = (total / (performance.now() - begun)) * 1_000;
    await pause(200);
    await feed.stop();
    delays.sort((left, right) => left - right);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
    const counts = { heard: delays.length, written: total };
    return { changesPerSecond, reachedPerSecond, isWoken, p50Ms: at(0.5), p99Ms: at(0.99), ...counts };
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] as number;
}
