// Databases of SQLite in files of their own, for the tests of its feed.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import type { TableShape } from '../../src/dependency/change.ts';
import type { SqliteFeed, SqliteFeedOptions } from '../../src/feed/sqlite/feed.ts';
import { createSqliteFeed } from '../../src/feed/sqlite/feed.ts';
import { installSqliteFeed, removeSqliteFeed } from '../../src/feed/sqlite/install.ts';
import { nodeSqliteRunner, type SqliteRunner } from '../../src/feed/sqlite/runner.ts';
import type { Relation } from '../../src/sql/ast.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';

export class SqliteWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidegate-feed-'));
  readonly file = join(this.folder, 'test.db');
  /** The application's connection. */
  readonly writer: DatabaseSync;

  constructor(statements: readonly string[] = [], journal = 'wal') {
    this.writer = new DatabaseSync(this.file);
    this.writer.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = off`);
    for (const statement of statements) this.writer.exec(statement);
  }

  get runner(): SqliteRunner {
    return nodeSqliteRunner(this.writer);
  }

  connect(): SqliteRunner {
    const identity = () => {
      const { dev, ino } = statSync(this.file);
      return `${dev} ${ino}`;
    };
    return nodeSqliteRunner(new DatabaseSync(this.file), { identity });
  }

  shapes(database = this.writer): readonly TableShape[] {
    return shapesOf(database);
  }

  /** Through a connection of its own, as another process would. */
  outside<T>(work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(this.file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  async install(): Promise<void> {
    await installSqliteFeed(this.runner, this.shapes());
  }

  async remove(): Promise<void> {
    await removeSqliteFeed(this.runner);
  }

  feed(options: Partial<SqliteFeedOptions> = {}): SqliteFeed {
    return createSqliteFeed({
      connect: () => this.connect(),
      readTables: () => this.outside(shapesOf),
      clock: platformClock,
      tasks: platformTasks,
      pollMs: 1,
      heartbeatMs: 20,
      ...options,
    });
  }

  transaction(...statements: readonly string[]): void {
    this.writer.exec('BEGIN');
    try {
      for (const statement of statements) this.writer.exec(statement);
      this.writer.exec('COMMIT');
    } catch (error) {
      this.writer.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    if (this.writer.isOpen) this.writer.close();
    rmSync(this.folder, { recursive: true });
  }
}

export function shapesOf(database: DatabaseSync): readonly TableShape[] {
  const run = (sql: string, parameters: readonly unknown[]) =>
    database.prepare(sql).all(...(parameters as string[])) as Record<string, unknown>[];
  const catalogue = readSqliteCatalogue(run);
  const names = run(`SELECT name FROM sqlite_schema WHERE type = 'table'`, []).map(({ name }) => String(name));
  return names.flatMap((name) => {
    const relation: Relation | null = catalogue.relation(undefined, name);
    return relation?.kind === 'table' ? [relation.table] : [];
  });
}
