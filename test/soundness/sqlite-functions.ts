// Connections on which names mean what they mean to no other: functions of the program in the place of SQLite's own, which
// read a table, temporary tables, and LIKE by case.

import type { DatabaseSync } from 'node:sqlite';
import type { Connected, Connections, Kind, Parts } from './connection-world.ts';
import type { SqliteQuery } from './queries.ts';
import { isKeyColumn, randomValue } from './schema.ts';
import { BETTER, bringing, type Connection, type Driver, NODE } from './sqlite-drivers.ts';

/** What a program may put in the place of SQLite's, and a use of each that names it, or not. */
type Use = (column: string) => string;

const SCALARS: Readonly<Record<string, readonly Use[]>> = {
  lower: [(column) => `lower(${column})`, (column) => `LOWER(${column})`],
  abs: [(column) => `abs(${column})`],
  coalesce: [(column) => `coalesce(${column}, 1)`],
  like: [(column) => `${column} LIKE 'a%'`, (column) => `${column} NOT LIKE 'a%'`],
  glob: [(column) => `${column} GLOB 'a*'`],
};
const AGGREGATES = ['total', 'max', 'sum'] as const;
const SOME = 'SELECT count(*) + coalesce(sum(ref), 0) AS n FROM ';

/** A function of the program that reads a table by another connection. */
function readsTable({ dice, schema, outside }: Parts): () => number {
  const statement = outside.prepare(SOME + dice.pick(schema.tables).name);
  return () => Number(statement.get()?.n);
}

interface Change {
  readonly make: (connection: Connection) => void;
  /** By which it shows. */
  readonly uses: readonly Use[];
}

/** Puts one of the program's in the place of SQLite's. */
function overriding(parts: Parts): Change {
  const { dice } = parts;
  const work = readsTable(parts);
  if (dice.chance(0.45)) {
    const name = dice.pick(AGGREGATES);
    const how = { start: 0, step: ((_: number, _value: unknown) => 0) as never, result: work };
    return { make: (connection) => connection.aggregate(name, how), uses: [(column) => `${name}(${column})`] };
  }
  const plain = dice.pick(Object.keys(SCALARS));
  const name = dice.chance(0.5) ? plain.toUpperCase() : plain;
  const deterministic = dice.chance(0.5);
  const options = { deterministic, varargs: true };
  return { make: (connection) => connection.function(name, options, work), uses: SCALARS[plain] as readonly Use[] };
}

class Program implements Connected {
  readonly wrapped: readonly [Connection];
  readonly twin: Connection;
  readonly raw: Connection;
  uses: readonly Use[] = [];
  #state = 'beside functions';

  constructor(parts: Parts, driver: Driver, before?: Change) {
    this.raw = new driver(parts.path);
    this.twin = new driver(parts.path);
    if (before !== undefined) this.both(before, this.raw);
    this.wrapped = [parts.tracker.wrap(this.raw)];
  }

  get isPlain(): boolean {
    return this.#state === 'beside functions';
  }

  state = (): string => this.#state;

  /** `through`: the connection itself, or its wrapper. */
  both(change: Change, through: Connection): void {
    this.altered(change);
    for (const connection of [through, this.twin]) change.make(connection);
  }

  altered({ uses }: Change): this {
    this.uses = uses;
    this.#state = 'own names';
    return this;
  }

  close(): void {
    this.raw.close();
    this.twin.close();
  }
}

class Programs implements Connections {
  readonly all: readonly Program[];
  readonly #parts: Parts;
  readonly #temporary: string;
  readonly #late: Change;
  readonly #pragma: Change;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { dice } = parts;
    const driver = () => dice.pick([NODE, BETTER]);
    this.#temporary = dice.pick(parts.schema.tables).name;
    const brought = overriding(parts);
    const told = (text: string, uses: readonly Use[] = []): Change => ({
      make: (connection) => connection.exec(text),
      uses,
    });
    this.#late = overriding(parts);
    this.#pragma = told('PRAGMA case_sensitive_like = ON', SCALARS.like);
    const late = new Program(parts, driver());
    late.uses = this.#late.uses;
    const byCase = new Program(parts, driver());
    byCase.uses = this.#pragma.uses;
    this.all = [
      new Program(parts, driver()),
      late,
      new Program(parts, driver(), overriding(parts)),
      byCase,
      new Program(
        parts,
        driver(),
        told(`CREATE TEMP TABLE ${this.#temporary} AS SELECT * FROM main.${this.#temporary}`),
      ),
      new Program(parts, bringing(driver(), brought.make)).altered(brought),
    ];
  }

  /** Of functions, and of rows that LIKE finds. */
  query({ uses }: Program): SqliteQuery {
    const { dice, schema } = this.#parts;
    const table = dice.pick(schema.tables);
    const texts = table.columns.filter(({ kind }) => kind === 'text');
    const column = dice.pick(texts.length > 0 && dice.chance(0.6) ? texts : table.columns).name;
    const made = dice.pick(uses.length > 0 ? uses : dice.pick(Object.values(SCALARS)))(column);
    const isAggregate = AGGREGATES.some((name) => made.startsWith(name));
    const text = dice.pick([
      isAggregate ? `SELECT ${made} AS made FROM ${table.name}` : `SELECT ${column} FROM ${table.name} WHERE ${made}`,
      `SELECT ${isAggregate ? '' : `${table.columns[0]?.name}, `}${made} AS made FROM ${table.name}`,
      `SELECT ${dice.pick(AGGREGATES)}(${column}) AS made FROM ${table.name}`,
    ]);
    return { feature: '', text, parameters: [], isOrdered: false };
  }

  act(): number {
    const { dice } = this.#parts;
    switch (dice.weighted({ override: 0.4, temporary: 1 })) {
      case 'override': {
        const [, late, , byCase] = this.all as readonly [Program, Program, Program, Program];
        // A pragma is run past the wrapper.
        const [program, change, through] = dice.chance(0.5)
          ? ([late, this.#late, late.wrapped[0]] as const)
          : ([byCase, this.#pragma, byCase.raw] as const);
        if (!program.isPlain) return 0;
        program.both(change, through);
        this.#parts.forget(program);
        return 0;
      }
      default:
        return this.#change();
    }
  }

  end(): void {
    for (const one of this.all) one.close();
  }

  /** Of the temporary table, past the wrapper. */
  #change(): number {
    const { dice, schema } = this.#parts;
    const [program] = this.all.slice(4) as [Program];
    const table = schema.tables.find(({ name }) => name === this.#temporary);
    if (table === undefined) return 0;
    const column = dice.pick(table.columns.filter((one) => !isKeyColumn(table, one)));
    const value = randomValue(dice, { ...column, isNotNull: true });
    const text = `UPDATE temp.${table.name} SET ${column.name} = ? WHERE rowid = ?`;
    const parameters = [value, dice.between(1, 20)];
    // All drivers bind these alike.
    for (const connection of [program.raw, program.twin])
      (connection as never as DatabaseSync).prepare(text).run(...parameters);
    return 1;
  }
}

export const FUNCTIONS: Kind = {
  name: 'names of its own',
  stored: ['beside functions'],
  open: (parts) => new Programs(parts),
};
