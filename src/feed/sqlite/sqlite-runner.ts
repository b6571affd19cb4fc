// How the feed of SQLite speaks to a database, and that for each driver.
//
// Drivers differ in what they make of large integers, infinities and blobs. The statements of the
// feed therefore ask for nothing but texts, small integers and finite reals.

import type { Cancel, Eventually } from '../../ports.ts';

/** What the feed binds. */
export type SqliteParameter = string | number;
export type SqliteRow = Readonly<Record<string, unknown>>;

export interface SqliteStatement {
  readonly sql: string;
  readonly parameters?: readonly SqliteParameter[];
}

export interface SqliteRunner {
  all(sql: string, parameters?: readonly SqliteParameter[]): Eventually<readonly SqliteRow[]>;
  /** In one transaction: all or none; the rows of each. */
  batch(statements: readonly SqliteStatement[]): Eventually<readonly (readonly SqliteRow[])[]>;
  /** The most columns a table may have; 2,000 unless told. */
  readonly maxColumns?: number;
  /** Differs when another file has taken the place of the one that is open; throws when there is none. */
  identity?(): Eventually<string>;
  /** Calls `written` when somebody writes to the database, before it can be read or after; undefined: it cannot be told. */
  watch?(written: () => void): Cancel | undefined;
  close?(): Eventually<void>;
}

/** `DatabaseSync` of node:sqlite, as far as it is used. */
export interface NodeSqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): { all(...parameters: SqliteParameter[]): unknown[] };
  close(): void;
}

/** `Database` of better-sqlite3, as far as it is used. */
export interface BetterSqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): {
    readonly reader: boolean;
    all(...parameters: SqliteParameter[]): unknown[];
    run(...parameters: SqliteParameter[]): unknown;
  };
  close(): unknown;
}

/** The client of libSQL, as far as it is used. */
export interface LibsqlClient {
  execute(statement: LibsqlStatement): Promise<LibsqlResult>;
  batch(statements: LibsqlStatement[], mode: 'deferred'): Promise<LibsqlResult[]>;
  close(): void;
}

interface LibsqlStatement {
  sql: string;
  args: SqliteParameter[];
}

interface LibsqlResult {
  readonly rows: readonly object[];
}

/** A binding of D1, as far as it is used. `prepare` and `bind` give what `batch` takes. */
export interface D1Binding<S extends D1Statement<S> = D1Prepared> {
  prepare(sql: string): S;
  batch(statements: S[]): Promise<{ readonly results?: readonly unknown[] }[]>;
}

export interface D1Statement<S> {
  bind(...parameters: SqliteParameter[]): S;
  all(): Promise<{ readonly results?: readonly unknown[] }>;
}

export interface D1Prepared extends D1Statement<D1Prepared> {}

export interface RunnerOptions {
  /** Of the file, e.g. its device and inode; without it, a file put in the place of another goes unseen. */
  readonly identity?: () => string;
  /** See SqliteRunner; without it, the feed looks more often. */
  readonly watch?: (written: () => void) => Cancel | undefined;
}

/** Over a connection of the feed's own: what it runs must not fall into a transaction of the application. */
export function nodeSqliteRunner(database: NodeSqliteDatabase, options: RunnerOptions = {}): SqliteRunner {
  const statements = new Statements((sql) => database.prepare(sql));
  return synchronousRunner(database, options, (sql, parameters) => statements.get(sql).all(...parameters));
}

/** As `nodeSqliteRunner`. */
export function betterSqliteRunner(database: BetterSqliteDatabase, options: RunnerOptions = {}): SqliteRunner {
  const statements = new Statements((sql) => database.prepare(sql));
  return synchronousRunner(database, options, (sql, parameters) => {
    const statement = statements.get(sql);
    if (statement.reader) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
  });
}

function synchronousRunner(
  database: { exec(sql: string): unknown; close(): unknown },
  options: RunnerOptions,
  all: (sql: string, parameters: readonly SqliteParameter[]) => unknown[],
): SqliteRunner {
  return {
    all: (sql, parameters = []) => all(sql, parameters) as SqliteRow[],
    batch(statements) {
      database.exec('BEGIN');
      try {
        const results = statements.map(({ sql, parameters = [] }) => all(sql, parameters) as SqliteRow[]);
        database.exec('COMMIT');
        return results;
      } catch (error) {
        rollBack(database);
        throw error;
      }
    },
    ...options,
    close() {
      database.close();
    },
  };
}

/** SQLite may have rolled back by itself; the first error is the one that matters. */
function rollBack(database: { exec(sql: string): unknown }): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    return;
  }
}

/** What is prepared is kept while it is in use; a change of the schema makes other statements. */
class Statements<S> {
  readonly #prepare: (sql: string) => S;
  readonly #kept = new Map<string, S>();

  constructor(prepare: (sql: string) => S) {
    this.#prepare = prepare;
  }

  get(sql: string): S {
    let statement = this.#kept.get(sql);
    if (statement === undefined) {
      if (this.#kept.size >= 32) this.#kept.clear();
      statement = this.#prepare(sql);
      this.#kept.set(sql, statement);
    }
    return statement;
  }
}

export function libsqlRunner(client: LibsqlClient, options: RunnerOptions = {}): SqliteRunner {
  const argued = ({ sql, parameters = [] }: SqliteStatement) => ({ sql, args: [...parameters] });
  return {
    async all(sql, parameters = []) {
      return (await client.execute({ sql, args: [...parameters] })).rows as readonly SqliteRow[];
    },
    async batch(statements) {
      const results = await client.batch(statements.map(argued), 'deferred');
      return results.map(({ rows }) => rows as readonly SqliteRow[]);
    },
    ...options,
    close() {
      client.close();
    },
  };
}

export function d1Runner<S extends D1Statement<S>>(database: D1Binding<S>): SqliteRunner {
  const bound = (sql: string, parameters: readonly SqliteParameter[] = []) =>
    parameters.length === 0 ? database.prepare(sql) : database.prepare(sql).bind(...parameters);
  return {
    async all(sql, parameters) {
      return ((await bound(sql, parameters).all()).results ?? []) as readonly SqliteRow[];
    },
    async batch(statements) {
      const results = await database.batch(statements.map(({ sql, parameters }) => bound(sql, parameters)));
      return results.map(({ results: rows }) => (rows ?? []) as readonly SqliteRow[]);
    },
    maxColumns: 100,
  };
}
