// How the feed of SQLite runs statements, on each driver.
//
// Drivers convert large integers, infinities and blobs differently. So statements give texts, small integers, finite reals.

import type { Cancel, Eventually } from '../../ports.ts';

/** Values that the feed binds. */
export type SqliteParameter = string | number;
export type SqliteRow = Readonly<Record<string, unknown>>;

export interface SqliteStatement {
  readonly sql: string;
  readonly parameters?: readonly SqliteParameter[];
}

export interface SqliteRunner {
  all(sql: string, parameters?: readonly SqliteParameter[]): Eventually<readonly SqliteRow[]>;
  /** Runs the statements in one transaction, all or none; returns the rows of each. */
  batch(statements: readonly SqliteStatement[]): Eventually<readonly (readonly SqliteRow[])[]>;
  /** The most columns that a table may have. Default 2,000. */
  readonly maxColumns?: number;
  /** Changes when another file takes the place of the open one. Throws when there is no file. */
  identity?(): Eventually<string>;
  /** Calls `written` before or after somebody's write can be read. Undefined when the host cannot watch. */
  watch?(written: () => void): Cancel | undefined;
  close?(): Eventually<void>;
}

/** The used part of `DatabaseSync` of node:sqlite. */
export interface NodeSqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): { all(...parameters: SqliteParameter[]): unknown[] };
  close(): void;
}

/** The used part of `Database` of better-sqlite3. */
export interface BetterSqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): {
    readonly reader: boolean;
    all(...parameters: SqliteParameter[]): unknown[];
    run(...parameters: SqliteParameter[]): unknown;
  };
  close(): unknown;
}

/** The used part of the libSQL client. */
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

/** The used part of a D1 binding. `prepare` and `bind` return what `batch` takes. */
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
  /**
   * Identity of the file, e.g. device and inode. Without it, the feed does not notice a file put in the place of another.
   */
  readonly identity?: () => string;
  /** See SqliteRunner; without it, the feed looks more often. */
  readonly watch?: (written: () => void) => Cancel | undefined;
}

/** Needs a connection of the feed's own: its statements must not fall into a transaction of the application. */
export function nodeSqliteRunner(database: NodeSqliteDatabase, options: RunnerOptions = {}): SqliteRunner {
  const prepared = keeping((sql) => database.prepare(sql));
  return synchronousRunner(database, options, (sql, parameters) => prepared(sql).all(...parameters));
}

/** Needs a connection of the feed's own, as `nodeSqliteRunner` does. */
export function betterSqliteRunner(database: BetterSqliteDatabase, options: RunnerOptions = {}): SqliteRunner {
  const prepared = keeping((sql) => database.prepare(sql));
  return synchronousRunner(database, options, (sql, parameters) => {
    const statement = prepared(sql);
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

/** SQLite may have rolled back by itself. The first error is the one that matters, so this one is ignored. */
function rollBack(database: { exec(sql: string): unknown }): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    return;
  }
}

/** Keeps prepared statements while they are in use. A changed schema brings other statements. */
function keeping<S>(prepare: (sql: string) => S): (sql: string) => S {
  const kept = new Map<string, S>();
  return (sql) => {
    const known = kept.get(sql);
    if (known !== undefined) return known;
    if (kept.size >= 32) kept.clear();
    const statement = prepare(sql);
    kept.set(sql, statement);
    return statement;
  };
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
