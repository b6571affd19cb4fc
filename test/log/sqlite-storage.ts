// The storage of a Durable Object, as the keeper uses it, over SQLite of Node. It outlives the keeper's instances.

import { DatabaseSync } from 'node:sqlite';
import type { KeeperStorage } from '../../src/log/lease/kept-log.ts';

export class SqliteStorage implements KeeperStorage {
  readonly database = new DatabaseSync(':memory:');
  /** Statements that write from now on throw, the first of them after so many that do not. Undefined: none throws. */
  failsAfter: number | undefined;
  readonly sql: KeeperStorage['sql'] = {
    exec: (query, ...values) => {
      this.#mayFail(query);
      const given = values.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
      return this.database.prepare(query).all(...given) as Record<string, unknown>[];
    },
  };

  /** The storage as it is now, for one that is set back to this time later. */
  copy(): SqliteStorage {
    const copy = new SqliteStorage();
    for (const { name, sql } of this.database.prepare('select name, sql from sqlite_schema').all()) {
      copy.database.exec(sql as string);
      for (const row of this.database.prepare(`select * from ${name}`).all()) {
        const values = Object.values(row);
        copy.database.prepare(`insert into ${name} values (${values.map(() => '?').join(', ')})`).run(...values);
      }
    }
    return copy;
  }

  transactionSync<T>(work: () => T): T {
    this.database.exec('begin');
    try {
      const result = work();
      this.database.exec('commit');
      return result;
    } catch (error) {
      this.database.exec('rollback');
      throw error;
    }
  }

  #mayFail(query: string): void {
    if (this.failsAfter === undefined || query.startsWith('select')) return;
    if (this.failsAfter-- <= 0) throw new Error('the storage is gone');
  }
}
