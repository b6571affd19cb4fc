// The storage of a simulated Durable Object: SQLite, one database per object, which outlives the object's memory.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

type Row = Record<string, unknown>;

/** Bound parameters of one statement, and bytes of one value (limits of the platform). */
const MAX_PARAMETERS = 100;
const MAX_VALUE_BYTES = 2_000_000;

export class SqlStorage {
  readonly database: DatabaseSync;
  alarmAt: number | undefined;
  /** Rows read and written so far, as the bill counts them. */
  rowsRead = 0;
  rowsWritten = 0;
  /** While true, every statement fails, as when the storage is gone. */
  down = false;

  constructor(database = new DatabaseSync(':memory:')) {
    this.database = database;
    database.exec('CREATE TABLE IF NOT EXISTS _cf_KV (key TEXT PRIMARY KEY, value TEXT)');
  }

  exec(query: string, ...bindings: unknown[]): Cursor {
    this.#check(query, bindings);
    const statements = bindings.length === 0 ? query.split(';').filter((text) => text.trim() !== '') : [query];
    let rows: Row[] = [];
    let columns: string[] = [];
    for (const text of statements.length > 1 && !/\bBEGIN\b/i.test(query) ? statements : [query]) {
      const statement = this.database.prepare(text);
      columns = statement.columns().map(({ name }) => name);
      rows = statement.all(...(bindings.map(bound) as SQLInputValue[])).map((row) => plain(row as Row));
      if (columns.length > 0) this.rowsRead += rows.length;
      else this.rowsWritten += 1;
    }
    return new Cursor(rows, columns);
  }

  transactionSync<T>(work: () => T): T {
    this.database.exec('SAVEPOINT work');
    try {
      const result = work();
      this.database.exec('RELEASE work');
      return result;
    } catch (error) {
      this.database.exec('ROLLBACK TO work; RELEASE work');
      throw error;
    }
  }

  #check(query: string, bindings: readonly unknown[]): void {
    if (this.down) throw new Error('Internal error in Durable Object storage');
    if (/^\s*(BEGIN|COMMIT|SAVEPOINT|ROLLBACK)/i.test(query))
      throw new Error('To execute a transaction, please use the state.storage.transaction() APIs');
    if (bindings.length > MAX_PARAMETERS) throw new Error('too many SQL variables');
    for (const value of bindings) {
      const bytes = typeof value === 'string' ? value.length : value instanceof ArrayBuffer ? value.byteLength : 0;
      if (bytes > MAX_VALUE_BYTES) throw new Error('string or blob too big');
      if (!['string', 'number', 'undefined'].includes(typeof value) && value !== null && !isBytes(value))
        throw new TypeError(`Unsupported type of SQL parameter: ${typeof value}`);
    }
  }
}

/** Rows of one statement, which are gone once they are read. */
export class Cursor implements IterableIterator<Row> {
  readonly columnNames: readonly string[];
  readonly rowsRead: number;
  rowsWritten = 0;
  readonly #rows: Row[];

  constructor(rows: Row[], columnNames: readonly string[]) {
    this.#rows = rows;
    this.columnNames = columnNames;
    this.rowsRead = rows.length;
  }

  next(): IteratorResult<Row> {
    const value = this.#rows.shift();
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }

  [Symbol.iterator](): this {
    return this;
  }

  toArray(): Row[] {
    return this.#rows.splice(0);
  }

  one(): Row {
    const [row] = this.#rows;
    if (row === undefined || this.#rows.length > 1)
      throw new Error(`Expected exactly one result from SQL query, but got ${this.#rows.length}`);
    this.#rows.length = 0;
    return row;
  }

  *raw(): IterableIterator<unknown[]> {
    for (const row of this) yield Object.values(row);
  }
}

function isBytes(value: unknown): boolean {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function bound(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value === undefined ? null : value;
}

/** Blobs are ArrayBuffers on the platform. */
function plain(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? value.slice().buffer : value,
  ]);
  return Object.fromEntries(entries) as Row;
}
