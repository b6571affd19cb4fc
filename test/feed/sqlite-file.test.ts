// A file of SQLite that is watched: the feed hears of a commit without having looked for it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, it, vi } from 'vitest';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import { createSqliteFeed } from '../../src/feed/sqlite/feed.ts';
import { sqliteFile } from '../../src/feed/sqlite/file.ts';
import { installSqliteFeed } from '../../src/feed/sqlite/install.ts';
import { nodeSqliteRunner } from '../../src/feed/sqlite/runner.ts';

const shape = { name: 't', columns: [], key: [] };
const folder = mkdtempSync(join(tmpdir(), 'tidegate-file-'));
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

it('hears of commits of others at once, however seldom it polls', async () => {
  const path = join(folder, 'rows.db');
  const outside = new DatabaseSync(path);
  ends.push(() => outside.close());
  outside.exec('PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY)');
  await installSqliteFeed(nodeSqliteRunner(outside), [shape]);
  const told: number[] = [];
  const feed = createSqliteFeed({
    connect: () => nodeSqliteRunner(new DatabaseSync(path), sqliteFile(path)),
    readTables: () => [shape],
    clock: platformClock,
    tasks: platformTasks,
    pollMs: 60_000,
  });
  await feed.start(undefined, { changed: ({ changes }) => void told.push(changes.length), gap() {}, reached() {} });
  ends.push(() => feed.stop());
  await vi.waitFor(() => expect(feed.status().state).toBe('live'));
  for (let commit = 1; commit <= 3; commit++) {
    outside.exec(`INSERT INTO t VALUES (${commit})`);
    await vi.waitFor(() => expect(told.length).toBe(commit), { timeout: 5_000 });
  }
});
