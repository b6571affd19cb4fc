// Random writes of PostgreSQL: rows by key, by condition and by other tables, in transactions with savepoints, some of
// which are rolled back.

import type { Dice } from '../sim/dice.ts';
import {
  isKeyColumn,
  type PostgresColumn,
  type PostgresSchema,
  type PostgresTable,
  randomPostgresKey,
  randomPostgresValue,
} from './postgres-schema.ts';
import { givenOf, kindOf, literalOf } from './postgres-values.ts';
import { REFERENCE } from './schema.ts';

export interface PostgresWrite {
  readonly text: string;
  readonly parameters: readonly unknown[];
  /** Within a savepoint that is rolled back. */
  readonly isUndone: boolean;
}

export interface PostgresTransaction {
  readonly writes: readonly PostgresWrite[];
  readonly isRolledBack: boolean;
}

export function randomPostgresTransaction(dice: Dice, schema: PostgresSchema): PostgresTransaction {
  const count = dice.chance(0.35) ? dice.between(2, 5) : 1;
  const writes = Array.from({ length: count }, () => randomPostgresWrite(dice, dice.pick(schema.tables), schema));
  return { writes, isRolledBack: dice.chance(0.03) };
}

const WEIGHTS = {
  insert: 5,
  upsert: 2,
  insertMany: 0.6,
  insertSelect: 0.3,
  update: 6,
  updateMany: 1,
  updateFrom: 0.4,
  delete: 3,
  deleteMany: 0.4,
  deleteUsing: 0.1,
  merge: 0.5,
  common: 0.5,
  truncate: 0.03,
};

export function randomPostgresWrite(dice: Dice, table: PostgresTable, schema: PostgresSchema): PostgresWrite {
  const statement = new Statement(dice, table);
  const kind = dice.weighted(WEIGHTS);
  return statement.done(MAKERS[kind](statement, schema), dice.chance(0.04));
}

type Maker = (statement: Statement, schema: PostgresSchema) => string;

const MAKERS: Readonly<Record<keyof typeof WEIGHTS, Maker>> = {
  insert: (statement) => `${statement.insert()} ON CONFLICT DO NOTHING`,
  insertMany: (statement) => `${statement.insert(3)} ON CONFLICT DO NOTHING RETURNING *`,
  insertSelect: (statement) => {
    const { table } = statement;
    const list = statement.written.map((column) =>
      table.key[0] === column.name ? statement.key(column) : `s.${column.name}`,
    );
    return `INSERT INTO ${table.name} (${statement.names}) SELECT ${list.join(', ')} FROM ${table.name} AS s WHERE ${statement.where('s')} LIMIT 1 ON CONFLICT DO NOTHING`;
  },
  upsert: (statement) => {
    const { table, dice } = statement;
    const [changed] = statement.changed();
    if (table.key.length === 0 || changed === undefined) return `${statement.insert()} ON CONFLICT DO NOTHING`;
    const value = dice.chance(0.5) ? `EXCLUDED.${changed.name}` : statement.value(changed);
    return `${statement.insert()} ON CONFLICT (${table.key.join(', ')}) DO UPDATE SET ${changed.name} = ${value}`;
  },
  update: (statement) => `UPDATE ${statement.table.name} SET ${statement.set()} WHERE ${statement.row()}`,
  updateMany: (statement) => `UPDATE ${statement.table.name} SET ${statement.set()} WHERE ${statement.where()}`,
  updateFrom: (statement, schema) => {
    const { table, dice } = statement;
    const other = dice.pick(schema.tables);
    return `UPDATE ${table.name} AS u SET ${statement.set()} FROM ${other.name} AS o WHERE u.id = o.${REFERENCE} AND ${statement.where('u')}`;
  },
  delete: (statement) => `DELETE FROM ${statement.table.name} WHERE ${statement.row()}`,
  deleteMany: (statement) => `DELETE FROM ${statement.table.name} WHERE ${statement.where()}`,
  deleteUsing: (statement, schema) => {
    const other = statement.dice.pick(schema.tables);
    return `DELETE FROM ${statement.table.name} AS d USING ${other.name} AS o WHERE d.${REFERENCE} = o.id AND ${statement.where('d')}`;
  },
  merge: (statement) => {
    const { table } = statement;
    const [id] = table.columns as readonly [PostgresColumn];
    const source = `(SELECT ${statement.key(id)}::${kindOf(id.kind).type} AS id) AS s`;
    const values = statement.written.map((column) => (column === id ? 's.id' : statement.value(column))).join(', ');
    return `MERGE INTO ${table.name} AS m USING ${source} ON m.id = s.id WHEN MATCHED AND m.${REFERENCE} IS NULL THEN DELETE
      WHEN MATCHED THEN UPDATE SET ${statement.set()} WHEN NOT MATCHED THEN INSERT (${statement.names}) VALUES (${values})`;
  },
  common: (statement, schema) => {
    const other = new Statement(statement.dice, statement.dice.pick(schema.tables), statement.parameters);
    return `WITH gone AS (DELETE FROM ${statement.table.name} WHERE ${statement.row()} RETURNING *),
      made AS (${other.insert()} ON CONFLICT DO NOTHING RETURNING *) SELECT count(*) FROM gone, made`;
  },
  truncate: (statement, schema) =>
    `TRUNCATE ${statement.table.name}${statement.dice.chance(0.2) ? `, ${schema.tables.find(({ name }) => name !== statement.table.name)?.name}` : ''}`,
};

class Statement {
  readonly dice: Dice;
  readonly table: PostgresTable;
  readonly parameters: unknown[];

  constructor(dice: Dice, table: PostgresTable, parameters: unknown[] = []) {
    this.dice = dice;
    this.table = table;
    this.parameters = parameters;
  }

  done(text: string, isUndone: boolean): PostgresWrite {
    return { text, parameters: this.parameters, isUndone };
  }

  /** Columns that are not generated. */
  get written(): readonly PostgresColumn[] {
    return this.table.columns.filter(({ generated }) => generated === undefined);
  }

  get names(): string {
    return this.written.map(({ name }) => name).join(', ');
  }

  insert(rows = 1): string {
    const values = Array.from({ length: rows }, () => `(${this.written.map((column) => this.any(column)).join(', ')})`);
    return `INSERT INTO ${this.table.name} (${this.names}) VALUES ${values.join(', ')}`;
  }

  set(): string {
    return this.changed()
      .map((column) => `${column.name} = ${this.any(column)}`)
      .join(', ');
  }

  changed(): readonly PostgresColumn[] {
    const others = this.written.filter((column) => !isKeyColumn(this.table, column) || this.dice.chance(0.1));
    const changed = this.dice.some(others, 0.35);
    return changed.length === 0 ? [this.dice.pick(others)] : changed;
  }

  /** One row by its key. */
  row(): string {
    const names = this.table.key.length === 0 ? ['id'] : this.table.key;
    const columns = names.map((name) => this.table.columns.find((column) => column.name === name) as PostgresColumn);
    return columns.map((column) => `${column.name} = ${this.key(column)}`).join(' AND ');
  }

  where(alias = this.table.name): string {
    const column = this.dice.pick(this.table.columns);
    return `${alias}.${column.name} = ${this.value({ ...column, isNotNull: true })}`;
  }

  any(column: PostgresColumn): string {
    return isKeyColumn(this.table, column) ? this.key(column) : this.value(column);
  }

  key(column: PostgresColumn): string {
    return this.#place(column, randomPostgresKey(this.dice, column));
  }

  value(column: PostgresColumn): string {
    return this.#place(column, randomPostgresValue(this.dice, column));
  }

  #place({ kind }: PostgresColumn, text: string | null): string {
    if (this.dice.chance(0.5)) return literalOf(this.dice, kind, text);
    this.parameters.push(givenOf(this.dice, kind, text));
    return `$${this.parameters.length}`;
  }
}
