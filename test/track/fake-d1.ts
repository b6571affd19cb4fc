// D1 as Workers have it, over a file.

import BetterSqlite from 'better-sqlite3';
import { atEnd } from './world.ts';

export function fakeD1(path: string) {
  const db = new BetterSqlite(path);
  atEnd(() => db.close());
  class Prepared {
    readonly sql: string;
    readonly values: readonly unknown[];
    constructor(sql: string, values: readonly unknown[] = []) {
      this.sql = sql;
      this.values = values;
    }
    bind(...values: unknown[]) {
      return new Prepared(this.sql, values);
    }
    async all() {
      return { results: db.prepare(this.sql).all(...this.values) as Record<string, unknown>[] };
    }
    async first(column?: string) {
      const row = db.prepare(this.sql).get(...this.values) as Record<string, unknown> | undefined;
      return row === undefined ? null : column === undefined ? row : (row[column] ?? null);
    }
    async raw(options?: { columnNames: boolean }) {
      const rows = db
        .prepare(this.sql)
        .raw()
        .all(...this.values);
      return options?.columnNames === true ? [['names'], ...rows] : rows;
    }
  }
  return {
    prepare: (sql: string) => new Prepared(sql),
    batch: async (statements: Prepared[]) => {
      if (!statements.every((one) => Object.hasOwn(one, 'values'))) throw new TypeError('expected what prepare gave');
      return Promise.all(statements.map((one) => one.all()));
    },
    exec: async (sql: string) => void db.exec(sql),
    withSession: (_constraint: string) => fakeD1(path),
  };
}
