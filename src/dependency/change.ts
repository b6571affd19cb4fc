// Changes that a database reports to its rows, the shape of its tables, and how it compares the values of a column: which
// are equal, and in what order. Types only, plain data.
//
// A feed may not know all of a row. A cell that is not known is `undefined`, and every decision that depends on it is
// MAYBE. Two databases mean different things by `=`: SQLite compares stored values, after the column's affinity;
// PostgreSQL compares by the column's type. Any answer that is not known to be the database's own is MAYBE too.

/**
 * One value of a database, in the form that all feeds, parameters and results are brought to (cells.ts):
 * whole numbers beyond 2^53 are bigint, others number; decimals are text as the database writes them. PostgreSQL's dates
 * are days since 1970-01-01, its timestamps microseconds (±Infinity for infinity); what has no form of its own is text.
 * Floats of SQLite are always number, also beyond 2^53.
 */
export type Scalar = null | number | bigint | string | boolean | Uint8Array;

/** `undefined`: not known, e.g. an unchanged TOAST column. */
export type Cell = Scalar | undefined;

/** Cells in the order of the table's columns. */
export type Row = readonly Cell[];

/** https://www.sqlite.org/datatype3.html §3 and §7. `unknown` collation: texts compare as MAYBE. */
export interface SqliteColumnType {
  readonly family: 'sqlite';
  readonly affinity: 'integer' | 'real' | 'numeric' | 'text' | 'blob';
  readonly collation: 'binary' | 'nocase' | 'rtrim' | 'unknown';
}

/**
 * `opaque`: neither equality nor order is known here (json, arrays, citext, domains over them …).
 * `float` is double precision; a `real` is opaque: a parameter is rounded to it and a literal is not.
 * `isOrdered`: the order is known as well; for texts only under the collation C (or C.UTF-8, ucs_basic).
 */
export interface PostgresColumnType {
  readonly family: 'postgres';
  readonly type:
    | 'integer'
    | 'float'
    | 'decimal'
    | 'text'
    | 'char'
    | 'boolean'
    | 'uuid'
    | 'bytes'
    | 'date'
    | 'timestamp'
    | 'timestamptz'
    | 'opaque';
  readonly isOrdered: boolean;
}

export type ColumnType = SqliteColumnType | PostgresColumnType;

export interface ColumnShape {
  readonly name: string;
  readonly type: ColumnType;
  readonly isNotNull: boolean;
}

/** A table as the catalogue had it when a statement was analysed or a change was read. */
export interface TableShape {
  /** Name as the catalogue writes it, with its schema unless that is the default one: `users`, `audit.entries`. */
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /** Ordinals of the primary key's columns, in its order; empty: there is none. */
  readonly key: readonly number[];
  /** There is one, but SQLite lets its columns be NULL: it names no row, and is no key. */
  readonly hasNullableKey?: true;
  /** Ordinal of the column that is SQLite's rowid: an INTEGER PRIMARY KEY. */
  readonly rowid?: number;
}

/** One row inserted, updated or deleted; or all rows of a table. */
export type Change =
  | { readonly kind: 'insert'; readonly table: TableShape; readonly new: Row }
  /**
   * `old` is undefined when nothing is known of the old row but that it had the primary key of the new one. Where that
   * is uncertain too, `old` is a row of unknown cells.
   */
  | { readonly kind: 'update'; readonly table: TableShape; readonly old: Row | undefined; readonly new: Row }
  | { readonly kind: 'delete'; readonly table: TableShape; readonly old: Row | undefined }
  /** Every row is gone, or the change is unknown: a schema change, a gap within the table. */
  | { readonly kind: 'truncate'; readonly table: TableShape };

/** A place in a feed; its text sorts as the feed is ordered, and means nothing in another feed. */
export type FeedPosition = string;

/** The changes of one commit. */
export interface ChangeSet {
  readonly position: FeedPosition;
  /** The transaction's number, where the database has one that a snapshot tells of. */
  readonly transaction?: bigint;
  readonly changes: readonly Change[];
}
