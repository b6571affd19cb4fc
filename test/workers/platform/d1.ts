// A simulated D1 database: a batch is one transaction, and a replica lags behind. A session with a bookmark gets nothing older
// than the bookmark; one without may.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { World } from './world.ts';

interface Written {
  readonly at: number;
  readonly statements: readonly Statement[];
}

interface Statement {
  readonly query: string;
  readonly bindings: readonly SQLInputValue[];
}

interface Result {
  readonly results: Record<string, unknown>[];
  readonly success: true;
  readonly meta: Record<string, unknown>;
}

export class D1 {
  readonly primary = new DatabaseSync(':memory:');
  readonly #replica = new DatabaseSync(':memory:');
  readonly #world: World;
  /** Writes, numbered from 1 by their place; a bookmark is such a number. */
  readonly #written: Written[] = [];
  #replicated = 0;
  /** How long it takes until a write is seen on the replica. */
  lagMs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** What a Worker's `env` holds. */
  get binding(): unknown {
    return { ...this.#reader(() => 'primary'), withSession: (constraint?: string) => this.#session(constraint) };
  }

  /** A statement of a writer that knows nothing of Tidegate. */
  write(query: string, ...bindings: SQLInputValue[]): void {
    this.#run([{ query, bindings }], 'primary');
  }

  #session(constraint = 'first-unconstrained'): unknown {
    let bookmark = Number(/^\d+$/.exec(constraint)?.[0] ?? 0);
    let isFirst = constraint === 'first-primary';
    const seen = (place: 'primary' | 'replica') => {
      isFirst = false;
      bookmark = Math.max(bookmark, place === 'primary' ? this.#written.length : this.#replicated);
    };
    const where = () => {
      this.#replicate();
      return !isFirst && this.#replicated >= bookmark ? ('replica' as const) : ('primary' as const);
    };
    return { ...this.#reader(where, seen), getBookmark: () => (bookmark === 0 ? null : String(bookmark)) };
  }

  #reader(where: () => 'primary' | 'replica', seen: (place: 'primary' | 'replica') => void = () => {}) {
    const run = (statements: readonly Statement[]) =>
      this.#world.call('D1', () => {
        const isRead = statements.every(({ query }) => /^\s*(SELECT|WITH|PRAGMA|EXPLAIN)\b/i.test(query));
        const place = isRead ? where() : 'primary';
        const results = this.#run(statements, place);
        seen(place);
        return results;
      });
    const prepare = (query: string) => prepared(run, { query, bindings: [] });
    return {
      prepare,
      batch: (list: readonly { readonly statement: Statement }[]) => run(list.map(({ statement }) => statement)),
      exec: async (query: string) => {
        await run(query.split('\n').flatMap((line) => (line.trim() === '' ? [] : [{ query: line, bindings: [] }])));
        return { count: 1, duration: 0 };
      },
    };
  }

  #run(statements: readonly Statement[], place: 'primary' | 'replica'): Result[] {
    const database = place === 'primary' ? this.primary : this.#replica;
    const before = changesOf(database);
    const results = transaction(database, statements);
    const isWritten =
      place === 'primary' &&
      (changesOf(database) > before || statements.some(({ query }) => /^\s*(CREATE|DROP|ALTER)/i.test(query)));
    if (isWritten) this.#written.push({ at: this.#world.now, statements });
    return results.map((result) => ({ ...result, meta: { ...result.meta, served_by_primary: place === 'primary' } }));
  }

  #replicate(): void {
    for (; this.#replicated < this.#written.length; this.#replicated++) {
      const { at, statements } = this.#written[this.#replicated] as Written;
      if (at + this.lagMs > this.#world.now) return;
      transaction(this.#replica, statements);
    }
  }
}

function prepared(run: (statements: readonly Statement[]) => Promise<Result[]>, statement: Statement): object {
  const all = async () => (await run([statement]))[0] as Result;
  return {
    statement,
    bind: (...bindings: SQLInputValue[]) => prepared(run, { ...statement, bindings }),
    all,
    run: all,
    first: async (column?: string) => {
      const [row] = (await all()).results;
      if (row === undefined) return null;
      return column === undefined ? row : row[column];
    },
    raw: async () => (await all()).results.map((row) => Object.values(row)),
  };
}

function changesOf(database: DatabaseSync): number {
  return Number(database.prepare('SELECT total_changes() AS n').get()?.n);
}

function transaction(database: DatabaseSync, statements: readonly Statement[]): Result[] {
  database.exec('BEGIN');
  try {
    const results = statements.map(({ query, bindings }) => {
      const rows = database.prepare(query).all(...bindings) as Record<string, unknown>[];
      const meta = database.prepare('SELECT changes() AS changes, last_insert_rowid() AS last_row_id').get() ?? {};
      return { results: rows.map((row) => ({ ...row })), success: true as const, meta: { ...meta } };
    });
    database.exec('COMMIT');
    return results;
  } catch (error) {
    database.exec('ROLLBACK');
    throw new Error(`D1_ERROR: ${(error as Error).message}`);
  }
}
