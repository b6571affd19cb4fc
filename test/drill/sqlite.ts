// A file of SQLite.
//
// This process must not wait for a lock, since it keeps the time of all others. So a connection
// tries again, and never blocks.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, DrillDatabase } from './database.ts';
import { checkFound, type Statement, schemaStatements } from './transactions.ts';
import type { LedgerRow } from './truth.ts';

const BUSY_STEP_MS = 3;
const BUSY_STEPS = 1_000;

export interface SqliteDrillDatabase extends DrillDatabase {
  readonly dialect: 'sqlite';
  /** Names of the feed's triggers. */
  triggers(table?: string): readonly string[];
}

export function openSqlite(folder: string): SqliteDrillDatabase {
  const path = join(folder, 'drill.db');
  const own = new DatabaseSync(path, { timeout: 5_000 });
  own.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  for (const sql of schemaStatements()) own.exec(sql);
  return {
    dialect: 'sqlite',
    link: undefined,
    connect: async () => new SqliteConnection(path),
    ledger: async (from) =>
      own.prepare('SELECT n, tx FROM ledger WHERE n >= ? ORDER BY n').all(from) as unknown as LedgerRow[],
    rows: async (table) => own.prepare(`SELECT * FROM ${table} ORDER BY id`).all(),
    settings: () => ({ path }),
    triggers: (table) =>
      own
        .prepare(
          `SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_tidegate%' ESCAPE '\\'`,
        )
        .all()
        .filter(({ tbl_name }) => table === undefined || tbl_name === table)
        .map(({ name }) => String(name)),
    close: async () => own.close(),
  };
}

class SqliteConnection implements Connection {
  readonly dialect = 'sqlite';
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 0 });
    this.#db.exec('PRAGMA synchronous = OFF');
  }

  async run(statement: Statement): Promise<void> {
    const { sql, values } = statement;
    for (let step = 0; ; step++) {
      try {
        if (values.length === 0) this.#db.exec(sql);
        else checkFound(statement, this.#db.prepare(sql).run(...values).changes);
        return;
      } catch (error) {
        if (step >= BUSY_STEPS || !/locked|busy/.test(String(error))) throw error;
      }
      await sleep(BUSY_STEP_MS);
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
