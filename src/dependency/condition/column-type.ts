// How the database compares the values of a column: which are equal, and in what order. Types only; `compare.ts` has
// the rules.
//
// Two databases mean different things by `=`. SQLite compares stored values, after the column's affinity; PostgreSQL
// compares by the column's type. Any answer that is not known to be the database's own is MAYBE.

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
