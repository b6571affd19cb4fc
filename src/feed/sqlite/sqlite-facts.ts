// The facts on which a table's triggers depend: its columns, the columns that name a row, and the unique constraints.

import type { SqliteRow, SqliteRunner } from './sqlite-runner.ts';

export interface ColumnFacts {
  readonly name: string;
  readonly isNotNull: boolean;
  /** Text of the DEFAULT, which takes the place of NULL where REPLACE meets a NOT NULL column. */
  readonly defaultText: string | undefined;
  readonly isGenerated: boolean;
}

export interface UniqueColumns {
  readonly columns: readonly { readonly ordinal: number; readonly collation: string }[];
}

export interface TableFacts {
  readonly name: string;
  readonly columns: readonly ColumnFacts[];
  /** Ordinals of the columns that name a row. Empty when the rowid does, which is no column. */
  readonly identity: readonly number[];
  /** Whether a primary key was declared. */
  readonly hasKey: boolean;
  /** A name that reaches the rowid. Undefined when there is no rowid, or columns take all its names. */
  readonly rowid: string | undefined;
  readonly unique: readonly UniqueColumns[];
  /**
   * Whether the table has a unique index that a trigger cannot compute before the write: on an expression or a generated
   * column.
   */
  readonly hasOpaqueIndex: boolean;
}

/** Names of objects that do not belong to the application: SQLite's, D1's and the feed's own. */
export const FOREIGN_NAME = /^(?:sqlite_|_cf_|_tidegate_)/i;

const OURS = `l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND l.name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND l.name NOT LIKE '\\_tidegate\\_%' ESCAPE '\\'`;
const COLUMNS = `SELECT l.name AS tbl, l.wr, c.name, c."notnull", c.dflt_value, c.pk, c.hidden
  FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c WHERE ${OURS} ORDER BY l.name, c.cid`;
const INDEXES = `SELECT l.name AS tbl, i.name AS idx, i.origin, x.cid, x.coll
  FROM pragma_table_list l JOIN pragma_index_list(l.name) i JOIN pragma_index_xinfo(i.name) x
  WHERE ${OURS} AND i."unique" = 1 AND x.key = 1 ORDER BY l.name, i.seq, x.seqno`;

const OTHERS = `SELECT l.name, l.type FROM pragma_table_list l WHERE l.schema = 'main' AND l.type = 'virtual' ORDER BY l.name`;

/** Tables that cannot have triggers. Temporary tables do not count: only their own connection sees them. */
export async function readVirtualTables(runner: SqliteRunner): Promise<readonly string[]> {
  return (await runner.all(OTHERS)).map(({ name }) => String(name));
}

/** Facts of all tables of the main database, by name. */
export async function readFacts(runner: SqliteRunner): Promise<ReadonlyMap<string, TableFacts>> {
  const columns = Map.groupBy(await runner.all(COLUMNS), ({ tbl }) => String(tbl));
  const indexes = Map.groupBy(await runner.all(INDEXES), ({ tbl }) => String(tbl));
  const tables = [...columns].map(([name, rows]) => factsOf(name, rows, indexes.get(name) ?? []));
  return new Map(tables.map((facts) => [facts.name, facts]));
}

function factsOf(name: string, rows: readonly SqliteRow[], indexRows: readonly SqliteRow[]): TableFacts {
  const columns = rows.map((row) => ({
    name: String(row.name),
    isNotNull: Number(row.notnull) === 1 || Number(row.pk) > 0,
    defaultText: row.dflt_value === null ? undefined : String(row.dflt_value),
    isGenerated: Number(row.hidden) > 1,
  }));
  const key = rows
    .map((row, ordinal) => ({ ordinal, pk: Number(row.pk) }))
    .filter(({ pk }) => pk > 0)
    .sort((left, right) => left.pk - right.pk)
    .map(({ ordinal }) => ordinal);
  const isWithoutRowid = Number(rows[0]?.wr) === 1;
  // A primary key without an index of its own is the rowid.
  const isAlias = key.length === 1 && !isWithoutRowid && !indexRows.some(({ origin }) => origin === 'pk');
  const indexes = [...Map.groupBy(indexRows, ({ idx }) => String(idx)).values()];
  const isOpaque = (index: readonly SqliteRow[]) =>
    index.some(({ cid }) => Number(cid) < 0 || columns[Number(cid)]?.isGenerated !== false);
  const unique = indexes
    .filter((index) => !isOpaque(index))
    .map((index) => ({ columns: index.map(({ cid, coll }) => ({ ordinal: Number(cid), collation: String(coll) })) }));
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  const free = ['rowid', '_rowid_', 'oid'].find((candidate) => !taken.has(candidate));
  return {
    name,
    columns,
    identity: isWithoutRowid || isAlias ? key : [],
    hasKey: key.length > 0,
    rowid: isWithoutRowid ? undefined : isAlias ? undefined : free,
    unique: isAlias ? [{ columns: [{ ordinal: key[0] as number, collation: 'BINARY' }] }, ...unique] : unique,
    hasOpaqueIndex: indexes.some(isOpaque),
  };
}
