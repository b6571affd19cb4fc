// One random database with its queries: after each write every query is asked again, and what the index said is judged.
//
// The images of the rows. Temporary triggers copy them as they are into tables without types, so
// the change that is matched is the database's own, and no text or JSON stands between.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import { DependencyIndex } from '../../src/dependency/index/dependency-index.ts';
import type { Lookup, Template } from '../../src/dependency/template.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { bindableOf } from '../../src/track/follow/sqlite-connections.ts';
import { Dice } from '../sim/dice.ts';
import { type Query, randomQuery, type SqliteQuery } from './queries.ts';
import { ddlOf, randomSchema, type Schema, type Table } from './schema.ts';
import type { Tally } from './tally.ts';
import { randomTransaction, randomWrite, type Write } from './writes.ts';

const QUERIES = 40;
const ROWS = 30;
const parser = createSqliteParser();

interface Registered {
  readonly query: SqliteQuery;
  readonly statement: StatementSync;
  readonly template: Template;
  /** Of the schema, whose rows its answer can depend on. */
  readonly tables: ReadonlySet<string>;
  rows: readonly unknown[][] | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly tally: Tally;
  /** Only queries of this feature. */
  readonly feature?: string | undefined;
}

export class World {
  readonly #db = new DatabaseSync(':memory:');
  readonly #dice: Dice;
  readonly #schema: Schema;
  readonly #tally: Tally;
  readonly #seed: number;
  readonly #index = new DependencyIndex({ maxInstances: 10_000 });
  readonly #registered: Registered[] = [];
  readonly #shapes = new Map<string, TableShape>();
  readonly #statements = new Map<string, StatementSync>();
  readonly #logs: { readonly shape: TableShape; readonly read: StatementSync; readonly clear: StatementSync }[] = [];

  constructor({ seed, tally, feature }: WorldOptions) {
    this.#dice = new Dice(seed);
    this.#seed = seed;
    this.#tally = tally;
    this.#schema = randomSchema(this.#dice);
    this.#db.exec('PRAGMA recursive_triggers = ON');
    for (const ddl of ddlOf(this.#dice, this.#schema)) this.#db.exec(ddl);
    const catalogue = this.#readCatalogue();
    this.#fill();
    for (const table of this.#schema.tables) this.#watch(table, catalogue);
    for (let at = 0; at < QUERIES; at++) this.#register(catalogue, feature);
  }

  /** One transaction and its judgement; how many rows it changed. */
  step(): number {
    const writes = randomTransaction(this.#dice, this.#schema);
    this.#run(writes);
    const changes = this.#changes();
    if (changes.length === 0) return 0;
    const affected = new Set(this.#index.match(changes).ids);
    const written = [...new Set(changes.map(({ table }) => table.name))];
    for (const [id, one] of this.#registered.entries()) {
      const isTouched = written.some((name) => one.tables.has(name));
      if (isTouched || affected.has(id)) this.#judge(id, one, { isAffected: affected.has(id), writes });
      else if (one.template.kind === 'tracked') this.#tally.judged(one.query, { isAffected: false, hasChanged: false });
    }
    return changes.length;
  }

  close(): void {
    this.#db.close();
  }

  #readCatalogue(): Catalogue {
    return readSqliteCatalogue((sql, parameters) => this.#db.prepare(sql).all(...(parameters as string[])) as never);
  }

  #fill(): void {
    for (const table of this.#schema.tables) {
      for (let at = 0; at < ROWS; at++) {
        const write = randomWrite(this.#dice, table);
        if (write.text.startsWith('INSERT')) this.#run([write]);
      }
    }
  }

  #watch({ name, columns }: Table, catalogue: Catalogue): void {
    const relation = catalogue.relation(undefined, name);
    if (relation?.kind !== 'table') throw new TypeError(`expected a table ${name} in the catalogue`);
    this.#shapes.set(name, relation.table);
    const names = columns.map((column) => column.name);
    const copies = (row: string) => names.map((column) => (row === '' ? 'NULL' : `${row}.${column}`)).join(', ');
    const cells = [...names.map((_, at) => `o${at}`), ...names.map((_, at) => `n${at}`)].join(', ');
    this.#db.exec(`CREATE TEMP TABLE log_${name} (seq INTEGER PRIMARY KEY, kind TEXT, ${cells})`);
    for (const [kind, old, now] of [
      ['insert', '', 'NEW'],
      ['update', 'OLD', 'NEW'],
      ['delete', 'OLD', ''],
    ] as const) {
      const values = `'${kind}', ${copies(old)}, ${copies(now)}`;
      this.#db.exec(
        `CREATE TEMP TRIGGER ${name}_${kind} AFTER ${kind} ON main.${name}
         BEGIN INSERT INTO log_${name} (kind, ${cells}) VALUES (${values}); END`,
      );
    }
    const read = arrays(this.#db.prepare(`SELECT * FROM log_${name} ORDER BY seq`));
    this.#logs.push({ shape: relation.table, read, clear: this.#db.prepare(`DELETE FROM log_${name}`) });
  }

  #register(catalogue: Catalogue, feature: string | undefined): void {
    const query = randomQuery(this.#dice, this.#schema, feature);
    if (query === undefined) return;
    const statement = arrays(this.#db.prepare(query.text));
    const template = analyse(query.text, { dialect: 'sqlite', parser, catalogue });
    this.#tally.analysed(query, template);
    const one = { query, statement, template, tables: tablesIn(query.text, this.#schema), rows: [] };
    const id = this.#registered.push(one) - 1;
    this.#answered(id, one, this.#rowsOf(one));
  }

  /** Tells the index of what the database answered. */
  #answered(id: number, one: Registered, rows: unknown[][] | undefined): void {
    one.rows = rows;
    if (one.template.kind !== 'tracked') return;
    const lookups = one.template.lookups?.map((lookup) => this.#lookedUp(lookup, one.query.parameters));
    const result = rows === undefined ? undefined : { rows, lookups };
    this.#index.add(id, bindInstance(one.template, one.query.parameters, result));
  }

  /** As a tracker does it: what cannot be bound so that it is sure to mean the same is not asked. */
  #lookedUp(lookup: Lookup, parameters: readonly unknown[]): unknown[] | undefined {
    const given = bindableOf(lookup, parameters);
    if (given === undefined) return undefined;
    const rows = arrays(this.#prepared(lookup.text)).all(...given);
    return (rows as unknown as unknown[][]).map(([value]) => value);
  }

  /** Undefined: a sum is too large, which is an answer, too. */
  #rowsOf({ query, statement }: Registered): unknown[][] | undefined {
    try {
      return statement.all(...query.parameters) as unknown as unknown[][];
    } catch (error) {
      if (/integer overflow/.test(String(error))) return undefined;
      throw error;
    }
  }

  #run(writes: readonly Write[]): void {
    this.#db.exec('BEGIN');
    for (const { text, parameters } of writes) {
      try {
        this.#prepared(text).run(...parameters);
      } catch (error) {
        // A constraint refused the statement; what it did before is undone.
        if (!/constraint failed|datatype mismatch|overflow/.test(String(error))) throw error;
      }
    }
    this.#db.exec(this.#dice.chance(0.03) ? 'ROLLBACK' : 'COMMIT');
  }

  #prepared(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const made = this.#db.prepare(text);
    this.#statements.set(text, made);
    return made;
  }

  #changes(): Change[] {
    return this.#logs.flatMap(({ shape, read, clear }) => {
      const rows = read.all() as unknown as unknown[][];
      if (rows.length > 0) clear.run();
      return rows.map((row) => changeOf(shape, row));
    });
  }

  #judge(id: number, one: Registered, { isAffected, writes }: { isAffected: boolean; writes: readonly Write[] }): void {
    const isTracked = one.template.kind === 'tracked';
    const rows = this.#rowsOf(one);
    const hasChanged = !areSame(one.query, one.rows, rows);
    if (isTracked) this.#tally.judged(one.query, { isAffected, hasChanged });
    if (isTracked && hasChanged && !isAffected) {
      const [before, after] = [shown(one.query, one.rows), shown(one.query, rows)];
      this.#tally.missed({ seed: this.#seed, query: one.query, writes, before, after });
    }
    if (!isAffected && !hasChanged) return;
    if (isTracked) this.#index.remove(id);
    this.#answered(id, one, rows);
  }
}

function arrays(statement: StatementSync): StatementSync {
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement;
}

function changeOf(table: TableShape, row: readonly unknown[]): Change {
  const kind = row[1] as 'insert' | 'update' | 'delete';
  const { length } = table.columns;
  const image = (from: number): Row => table.columns.map(({ type }, at) => cellOf(type, row[from + at]));
  if (kind === 'insert') return { kind, table, new: image(2 + length) };
  if (kind === 'delete') return { kind, table, old: image(2) };
  return { kind, table, old: image(2), new: image(2 + length) };
}

/** By name, wherever it stands: what is not named cannot be read. */
function tablesIn(text: string, { tables, views }: Schema): ReadonlySet<string> {
  const whole = `${text} ${views.map(({ name, ddl }) => (text.includes(name) ? ddl : '')).join(' ')}`;
  return new Set(tables.flatMap(({ name }) => (whole.includes(name) ? [name] : [])));
}

type Answer = readonly (readonly unknown[])[] | undefined;

/** Most are the same, row for row; only of the others the order is looked through. */
function areSame(query: Query, before: Answer, after: Answer): boolean {
  if (before === undefined || after === undefined) return before === after;
  if (before.length !== after.length) return false;
  const isSame = before.every((row, at) => {
    const other = after[at] as readonly unknown[];
    return row.length === other.length && row.every((value, place) => isSameValue(value, other[place]));
  });
  return isSame || (!query.isOrdered && shown(query, before) === shown(query, after));
}

function isSameValue(one: unknown, other: unknown): boolean {
  return Object.is(one, other) || (one instanceof Uint8Array && valueText(one) === valueText(other));
}

/** The answer as text, in which two are equal when the answers are. */
export function shown({ isOrdered }: Query, rows: Answer): string {
  if (rows === undefined) return 'too large';
  const lines = rows.map((row) => row.map(valueText).join('\u0001'));
  return (isOrdered ? lines : lines.sort()).join('\n');
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return `x${[...value].join(',')}`;
  if (typeof value === 'number') return Object.is(value, -0) ? 'r-0' : `r${value}`;
  return `${(typeof value)[0]}${String(value)}`;
}
