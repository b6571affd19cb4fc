// A transaction of the drill as statements of SQL.
//
// The order of commits must be known exactly, whoever made them and whether or not an answer came.
// So the last thing each one does is to take the next number from one row, whose lock it holds until its commit, and to
// write it down beside its own name. And a statement that finds no row ends its transaction: the row may be one that
// another transaction has not committed yet.

import { COLUMNS, type Op } from './model.ts';
import { type Dialect, placed } from './queries.ts';

export interface Statement {
  readonly sql: string;
  readonly values: readonly number[];
  /** It has to find a row. */
  readonly isNeeded?: boolean;
}

export interface Transaction {
  readonly id: number;
  readonly ops: readonly Op[];
}

/** All that comes before the COMMIT. */
export function statementsOf({ id, ops }: Transaction, dialect: Dialect): readonly Statement[] {
  return [
    { sql: dialect === 'sqlite' ? 'BEGIN IMMEDIATE' : 'BEGIN', values: [] },
    ...ops.map((op) => statementFor(op, dialect)),
    { sql: 'UPDATE clock SET n = n + 1', values: [] },
    { sql: placed('INSERT INTO ledger (n, tx) SELECT n, ? FROM clock', dialect), values: [id] },
  ].map((statement) => (dialect === 'postgres' ? { ...statement, sql: typed(statement.sql) } : statement));
}

/** Else the server takes the parameter of a SELECT list for a text. */
function typed(sql: string): string {
  return sql.startsWith('INSERT INTO ledger') ? sql.replace('$1', '$1::int') : sql;
}

function statementFor(op: Op, dialect: Dialect): Statement {
  switch (op.kind) {
    case 'insert': {
      const names = Object.keys(op.row);
      const sql = `INSERT INTO ${op.table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
      return { sql: placed(sql, dialect), values: Object.values(op.row) };
    }
    case 'update': {
      const set = Object.keys(op.set).map((name) => `${name} = ?`);
      const sql = placed(`UPDATE ${op.table} SET ${set.join(', ')} WHERE id = ?`, dialect);
      return { sql, values: [...Object.values(op.set), op.id], isNeeded: true };
    }
    case 'delete':
      return { sql: placed(`DELETE FROM ${op.table} WHERE id = ?`, dialect), values: [op.id], isNeeded: true };
    case 'clear':
      return { sql: `${dialect === 'sqlite' ? 'DELETE FROM' : 'TRUNCATE'} ${op.table}`, values: [] };
    case 'add column':
      return { sql: `ALTER TABLE items ADD COLUMN ${op.name} integer DEFAULT ${op.value}`, values: [] };
    case 'drop column':
      return { sql: `ALTER TABLE items DROP COLUMN ${op.name}`, values: [] };
    case 'rename column':
      return { sql: `ALTER TABLE items RENAME COLUMN ${op.from} TO ${op.to}`, values: [] };
    case 'rename table':
      return { sql: `ALTER TABLE ${op.from} RENAME TO ${op.to}`, values: [] };
  }
}

/** Throws where a row was needed and none was found. */
export function checkFound({ sql, isNeeded }: Statement, rows: number | bigint | null): void {
  if (isNeeded === true && Number(rows) === 0) throw new Error(`expected a row, got none: ${sql}`);
}

export function schemaStatements(): readonly string[] {
  const tables = Object.entries(COLUMNS).map(([name, columns]) => {
    const cells = columns.map((column) => `${column} integer${column === 'id' ? ' PRIMARY KEY' : ' NOT NULL'}`);
    return `CREATE TABLE ${name} (${cells.join(', ')})`;
  });
  return [
    ...tables,
    'CREATE TABLE clock (id integer PRIMARY KEY, n integer NOT NULL)',
    'CREATE TABLE ledger (n integer PRIMARY KEY, tx integer NOT NULL)',
    'INSERT INTO clock VALUES (1, 0)',
  ];
}
