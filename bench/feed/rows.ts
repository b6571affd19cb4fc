// The table of the bench `feed`, and what follows it.

/** How commits are heard of. `ttl`: not at all, responses live for a second. */
export type Way = 'sqlite' | 'logical' | 'triggers' | 'ttl';

export interface Followed {
  readonly way: Way;
  /** The file of SQLite, or the URL of PostgreSQL. */
  readonly database: string;
  /** Of SQLite; default: the feed's own. */
  readonly pollMs?: number;
}

/** Rows that the load writes; those from here on are written by samples alone. */
export const LOADED_ROWS = 1_000;
export const SAMPLED_ROWS = 200;
export const ROWS = LOADED_ROWS + SAMPLED_ROWS;
const BODY = 'x'.repeat(200);

export const isPostgres = ({ way, database }: Followed): boolean =>
  way !== 'sqlite' && database.startsWith('postgres:');

export const SQLITE_ROWS = `PRAGMA journal_mode = wal;
  CREATE TABLE rows (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL);
  WITH n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${ROWS}) INSERT INTO rows SELECT id, 0, '${BODY}' FROM n`;

export const POSTGRES_ROWS = `CREATE TABLE rows (id int PRIMARY KEY, version int NOT NULL, body text NOT NULL);
  INSERT INTO rows SELECT n, 0, '${BODY}' FROM generate_series(1, ${ROWS}) n`;
