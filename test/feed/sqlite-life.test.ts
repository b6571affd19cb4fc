// What may befall a database while its feed runs, or does not: changed schemas, lost logs, other files, locks.

import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SqliteFeed, SqliteFeedOptions } from '../../src/feed/sqlite/feed.ts';
import { sqliteFeedStatus } from '../../src/feed/sqlite/install.ts';
import { positionNow } from '../../src/feed/sqlite/log.ts';
import { nodeSqliteRunner } from '../../src/feed/sqlite/runner.ts';
import { Heard } from '../contract/change-feed.ts';
import { SqliteWorld } from './sqlite-world.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const TABLES = ['CREATE TABLE t (id INTEGER PRIMARY KEY, v)', 'CREATE TABLE other (id INTEGER PRIMARY KEY, v)'];
const wait = { interval: 1, timeout: 10_000 };

async function live(options: Partial<SqliteFeedOptions> = {}, journal = 'wal') {
  const world = new SqliteWorld(TABLES, journal);
  ends.push(() => world.close());
  await world.install();
  const heard = new Heard();
  const feed = world.feed(options);
  ends.push(() => feed.stop());
  await feed.start(undefined, heard);
  await vi.waitFor(() => expect(feed.status().state).toBe('live'), wait);
  return { world, feed, heard };
}

async function resumed(
  world: SqliteWorld,
  from: string,
): Promise<{ readonly feed: SqliteFeed; readonly heard: Heard }> {
  const heard = new Heard();
  const feed = world.feed();
  ends.push(() => feed.stop());
  await feed.start(from, heard);
  await vi.waitFor(() => expect(feed.status().state).toBe('live'), wait);
  return { feed, heard };
}

const lines = (heard: Heard, expected: readonly string[]) =>
  vi.waitFor(() => expect(heard.lines).toEqual(expected), wait);

describe('a schema that changes', () => {
  it('does not start without a log', async () => {
    const world = new SqliteWorld(TABLES);
    ends.push(() => world.close());
    await expect(world.feed().start(undefined, new Heard())).rejects.toMatchObject({ code: 'E_FEED' });
  });

  it('a new table is not covered until it is installed', async () => {
    const { world, feed, heard } = await live();
    world.writer.exec('CREATE TABLE fresh (id INTEGER PRIMARY KEY)');
    await lines(heard, ['truncate fresh']);
    await vi.waitFor(() => expect(feed.status().problems).toEqual([expect.stringContaining('fresh')]), wait);
    expect([feed.covers('t'), feed.covers('fresh')]).toEqual([true, false]);
    await world.install();
    await vi.waitFor(() => expect(feed.covers('fresh')).toBe(true), wait);
    world.writer.exec('INSERT INTO fresh VALUES (1)');
    await lines(heard, ['truncate fresh', 'truncate fresh', 'insert fresh 1']);
  });

  it('renamed tables and columns go on being told, under their new names', async () => {
    const { world, heard } = await live();
    world.writer.exec('ALTER TABLE t RENAME COLUMN v TO "new ""name"');
    await lines(heard, ['truncate t']);
    world.writer.exec(
      `INSERT INTO t VALUES (1, 'x'); ALTER TABLE t RENAME TO people; INSERT INTO people VALUES (2, 'y')`,
    );
    await vi.waitFor(() => expect(heard.lines).toContain('insert people 2,y'), wait);
    expect(heard.lines).toContain('truncate people');
    expect(heard.gaps).toHaveLength(1);
    const { problems } = await sqliteFeedStatus(world.runner, world.shapes());
    expect(problems).toEqual([]);
  });

  it('a table made anew under its name gets new triggers', async () => {
    const { world, feed, heard } = await live();
    world.transaction(
      'CREATE TABLE new_t (id INTEGER PRIMARY KEY, w, v)',
      'DROP TABLE t',
      'ALTER TABLE new_t RENAME TO t',
    );
    await vi.waitFor(() => expect(heard.lines).toContain('truncate t'), wait);
    await vi.waitFor(() => expect(feed.covers('t')).toBe(true), wait);
    world.writer.exec('INSERT INTO t VALUES (1, 2, 3); INSERT INTO other VALUES (1, 1)');
    await vi.waitFor(() => expect(heard.lines).toContain('insert other 1,1'), wait);
    expect(heard.lines).toContain('insert t 1,2,3');
  });

  it('a new unique index is looked at by new triggers', async () => {
    const { world, feed, heard } = await live();
    world.writer.exec(`INSERT INTO t VALUES (1, 'a'); CREATE UNIQUE INDEX i ON t (v)`);
    await vi.waitFor(() => expect(heard.lines).toContain('truncate t'), wait);
    await vi.waitFor(() => expect(feed.covers('t')).toBe(true), wait);
    world.writer.exec(`REPLACE INTO t VALUES (2, 'a')`);
    await vi.waitFor(() => expect(heard.lines.slice(-2)).toEqual(['insert t 2,a', 'delete t 1,a']), wait);
  });

  it('a dropped table is told, and a changed view makes all tables uncertain', async () => {
    const { world, heard } = await live();
    world.writer.exec('DROP TABLE t');
    await lines(heard, ['truncate t']);
    world.writer.exec('CREATE VIEW w AS SELECT * FROM other');
    await lines(heard, ['truncate t', 'truncate other']);
  });

  it('a change while the feed is stopped is a gap; VACUUM is none', async () => {
    const { world, feed, heard } = await live();
    await feed.stop();
    world.writer.exec('VACUUM; INSERT INTO t VALUES (1, 1)');
    const second = await resumed(world, heard.position as string);
    await lines(second.heard, ['insert t 1,1']);
    expect(second.heard.gaps).toEqual([]);
    await second.feed.stop();
    world.writer.exec('DROP TABLE other');
    const third = await resumed(world, second.heard.position as string);
    expect(third.heard.gaps).toEqual([{ reason: expect.stringContaining('schema'), position: expect.any(String) }]);
  });
});

describe('a log that is lost', () => {
  it.each([
    ['emptied', 'DELETE FROM _tidegate_changes'],
    ['emptied, its numbers begun again', 'DELETE FROM _tidegate_changes; DELETE FROM sqlite_sequence'],
    ['short of a row', 'INSERT INTO t VALUES (7, 1), (8, 2), (9, 3); DELETE FROM _tidegate_changes WHERE n0 = 8'],
  ])('is a gap: %s', async (_, statements) => {
    const { world, heard } = await live();
    world.writer.exec('INSERT INTO t VALUES (1, 1)');
    await lines(heard, ['insert t 1,1']);
    world.transaction(...statements.split('; '), 'INSERT INTO t VALUES (2, 2), (3, 3)');
    await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
    world.writer.exec('INSERT INTO t VALUES (4, 4)');
    await lines(heard, ['insert t 1,1', 'insert t 4,4']);
  });

  it('is a gap when an older copy of the file was written on, whatever the numbers', async () => {
    const { world, feed, heard } = await live({}, 'delete');
    copyFileSync(world.file, `${world.file}.copy`);
    world.writer.exec('INSERT INTO t VALUES (1, 1)');
    await lines(heard, ['insert t 1,1']);
    await feed.stop();
    world.writer.close();
    renameSync(`${world.file}.copy`, world.file);
    world.outside((database) => database.exec('INSERT INTO t VALUES (5, 5), (6, 6), (7, 7)'));
    const again = await resumed(world, heard.position as string);
    expect(again.heard.gaps).toHaveLength(1);
  });

  it('is a gap when the file is replaced while the feed runs', async () => {
    const { world, heard } = await live({}, 'delete');
    copyFileSync(world.file, `${world.file}.copy`);
    world.writer.exec('INSERT INTO t VALUES (1, 1)');
    await lines(heard, ['insert t 1,1']);
    renameSync(`${world.file}.copy`, world.file);
    await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
    world.outside((database) => database.exec('INSERT INTO t VALUES (5, 5)'));
    await lines(heard, ['insert t 1,1', 'insert t 5,5']);
  });

  it('is waited for while it is not there, with a lag that grows', async () => {
    const { world, feed, heard } = await live({}, 'delete');
    await world.remove();
    await vi.waitFor(() => expect(feed.status().state).toBe('retrying'), wait);
    expect(feed.status().problems[0]).toMatch(/change log/);
    await vi.waitFor(() => expect(feed.status().lagMs).toBeGreaterThan(30), wait);
    await world.install();
    await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
    expect(heard.gaps[1]!.position > heard.gaps[0]!.position).toBe(true);
  });
});

describe('beside others', () => {
  it('a lock makes it wait, not fail', async () => {
    const { world, feed, heard } = await live({}, 'delete');
    world.writer.exec('BEGIN EXCLUSIVE; INSERT INTO t VALUES (1, 1)');
    await vi.waitFor(() => expect(feed.status().state).toBe('retrying'), wait);
    world.writer.exec('COMMIT');
    await lines(heard, ['insert t 1,1']);
    await vi.waitFor(() => expect(feed.status()).toMatchObject({ state: 'live', problems: [] }), wait);
    expect(heard.gaps).toHaveLength(1);
  });

  it('hears what another process writes', async () => {
    const { world, heard } = await live();
    const script = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('INSERT INTO t VALUES (1, 1)')`;
    execFileSync(process.execPath, ['-e', script, world.file]);
    await lines(heard, ['insert t 1,1']);
  });

  it('wake makes it look at once', async () => {
    const { world, feed, heard } = await live({ pollMs: 60_000, heartbeatMs: 60_000 });
    world.writer.exec('INSERT INTO t VALUES (1, 1)');
    feed.wake();
    await lines(heard, ['insert t 1,1']);
  });

  it('deletes what was acknowledged, and no more', async () => {
    const { world, feed, heard } = await live({ keptRows: 10 });
    for (let id = 0; id < 1_200; id++) world.writer.exec(`INSERT INTO t VALUES (${id}, 1)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1_200), wait);
    const count = () => Number(world.writer.prepare('SELECT count(*) AS count FROM _tidegate_changes').get()?.count);
    expect(count()).toBeGreaterThan(1_200);
    feed.acknowledge(heard.position as string);
    await vi.waitFor(() => expect(count()).toBe(11), wait);
    world.writer.exec(`INSERT INTO t VALUES (5000, 1)`);
    await vi.waitFor(() => expect(heard.lines).toHaveLength(1_201), wait);
    expect(heard.gaps).toHaveLength(1);
  });

  it('names only the tables when too much was written at once', async () => {
    const { world, heard } = await live({ maxChanges: 10 });
    const { heard: second } = await live();
    expect(second.gaps).toHaveLength(1);
    world.transaction(
      ...Array.from({ length: 11 }, (_, id) => `INSERT INTO t VALUES (${id}, 1)`),
      'INSERT INTO other VALUES (1, 1)',
    );
    await vi.waitFor(() => expect(heard.lines).toHaveLength(2), wait);
    expect([...heard.lines].sort()).toEqual(['truncate other', 'truncate t']);
    world.writer.exec('INSERT INTO t VALUES (50, 1)');
    await vi.waitFor(() => expect(heard.lines.at(-1)).toBe('insert t 50,1'), wait);
    expect(heard.gaps).toHaveLength(1);
  });

  it('a transaction of 200,000 rows is told as a change of its tables, and is never held whole', async () => {
    const most = { rows: 0, looked: 0 };
    const world = new SqliteWorld(TABLES);
    ends.push(() => world.close());
    await world.install();
    const heard = new Heard();
    const connect = () => {
      const runner = world.connect();
      const all: typeof runner.all = (sql, parameters) => {
        const rows = runner.all(sql, parameters) as readonly object[];
        most.rows = Math.max(most.rows, rows.length);
        if (sql.includes('GROUP BY tbl'))
          most.looked = Math.max(most.looked, Number(parameters?.[1]) - Number(parameters?.[0]));
        return rows as Awaited<ReturnType<typeof runner.all>>;
      };
      return { ...runner, all };
    };
    const feed = world.feed({ connect });
    ends.push(() => feed.stop());
    await feed.start(undefined, heard);
    await vi.waitFor(() => expect(feed.status().state).toBe('live'), wait);
    world.transaction(
      `INSERT INTO t SELECT value, 1 FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 200000) SELECT value FROM n)`,
    );
    await lines(heard, ['truncate t']);
    world.writer.exec('INSERT INTO other VALUES (1, 1)');
    await lines(heard, ['truncate t', 'insert other 1,1']);
    expect(most.rows).toBeLessThanOrEqual(5_002);
    expect(most.looked).toBe(20_000);
    expect(heard.gaps).toHaveLength(1);
  });

  it('a mark taken before a read is at or after the sets whose changes the read saw, and before all others', async () => {
    const { world, heard } = await live();
    const reader = new DatabaseSync(world.file);
    ends.push(() => reader.close());
    world.writer.exec('INSERT INTO t VALUES (1, 1)');
    await lines(heard, ['insert t 1,1']);
    const mark = await positionNow(nodeSqliteRunner(reader));
    world.writer.exec('INSERT INTO t VALUES (2, 2)');
    await lines(heard, ['insert t 1,1', 'insert t 2,2']);
    expect(heard.sets.map(({ position }) => position <= mark)).toEqual([true, false]);
    rmSync(`${world.file}.copy`, { force: true });
  });
});
