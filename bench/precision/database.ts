// A workload's database: SQLite in memory, what its writes change, and its pages as they answer now.
//
// The images of changed rows. Temporary triggers copy them as they are into tables without types,
// so that what is matched is the database's own.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { lookupParameters } from '../../src/dependency/bind.ts';
import type { Change, Row as TableRow, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import type { Lookup, Template } from '../../src/dependency/template.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import type { Page, Row, Statement } from './workload.ts';

export type Tracked = Extract<Template, { kind: 'tracked' }>;

/** One query of a page as it was answered. */
export interface Answered {
  readonly name: string;
  readonly template: Tracked;
  readonly parameters: readonly SQLInputValue[];
  readonly rows: readonly Row[];
  /** What the template's lookups gave. */
  readonly lookups: readonly (readonly unknown[])[];
  readonly text: string;
}

/** A page as it was answered; two are equal when their texts are. */
export interface Answer {
  readonly page: Page;
  readonly queries: readonly Answered[];
  readonly text: string;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly template: Tracked;
}

interface Log {
  readonly shape: TableShape;
  readonly read: StatementSync;
  readonly clear: StatementSync;
}

export class Database {
  readonly #db = new DatabaseSync(':memory:');
  readonly #parser = createSqliteParser();
  readonly #catalogue: Catalogue;
  readonly #queries = new Map<string, Prepared>();
  readonly #lookups = new Map<string, StatementSync>();
  readonly #writes = new Map<string, StatementSync>();
  readonly #logs: readonly Log[];

  constructor(schema: readonly string[], rows: readonly Statement[]) {
    for (const text of schema) this.#db.exec(text);
    this.#run(rows);
    this.#catalogue = readSqliteCatalogue(
      (sql, parameters) => this.#db.prepare(sql).all(...(parameters as string[])) as never,
    );
    const tables = this.#db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).all();
    this.#logs = tables.map(({ name }) => this.#watch(String(name)));
  }

  /** One transaction; what it changed. */
  write(statements: readonly Statement[]): Change[] {
    this.#run(statements);
    return this.#logs.flatMap(({ shape, read, clear }) => {
      const rows = read.all() as unknown as unknown[][];
      if (rows.length > 0) clear.run();
      return rows.map((row) => changeOf(shape, row));
    });
  }

  answer(page: Page): Answer {
    const queries: Answered[] = [];
    page.answer((name, text, ...parameters) => {
      const { statement, template } = this.#prepared(text);
      const rows = statement.all(...parameters) as unknown as Row[];
      const lookups = (template.lookups ?? []).map((lookup) => this.#lookedUp(lookup, parameters));
      queries.push({ name, template, parameters, rows, lookups, text: JSON.stringify(rows) });
      return rows;
    });
    return { page, queries, text: queries.map(({ text }) => text).join('\n') };
  }

  close(): void {
    this.#db.close();
  }

  #run(statements: readonly Statement[]): void {
    this.#db.exec('BEGIN');
    for (const { text, parameters } of statements) {
      let prepared = this.#writes.get(text);
      if (prepared === undefined) {
        prepared = this.#db.prepare(text);
        this.#writes.set(text, prepared);
      }
      prepared.run(...parameters);
    }
    this.#db.exec('COMMIT');
  }

  #lookedUp(lookup: Lookup, parameters: readonly SQLInputValue[]): unknown[] {
    let statement = this.#lookups.get(lookup.text);
    if (statement === undefined) {
      statement = this.#db.prepare(lookup.text);
      statement.setReturnArrays(true);
      this.#lookups.set(lookup.text, statement);
    }
    const rows = statement.all(...(lookupParameters(lookup, parameters) as SQLInputValue[]));
    return (rows as unknown as unknown[][]).map(([value]) => value);
  }

  #prepared(text: string): Prepared {
    const known = this.#queries.get(text);
    if (known !== undefined) return known;
    const template = analyse(text, { dialect: 'sqlite', parser: this.#parser, catalogue: this.#catalogue });
    if (template.kind !== 'tracked') {
      throw new TypeError(`expected a query that can be tracked, got ${JSON.stringify(template)}`);
    }
    const statement = this.#db.prepare(text);
    statement.setReturnArrays(true);
    const prepared = { statement, template };
    this.#queries.set(text, prepared);
    return prepared;
  }

  #watch(name: string): Log {
    const relation = this.#catalogue.relation(undefined, name);
    if (relation?.kind !== 'table') throw new TypeError(`expected a table ${name} in the catalogue`);
    const names = relation.table.columns.map((column) => column.name);
    const copies = (row: string) => names.map((column) => (row === '' ? 'NULL' : `${row}.${column}`)).join(', ');
    const cells = [...names.map((_, at) => `o${at}`), ...names.map((_, at) => `n${at}`)].join(', ');
    this.#db.exec(`CREATE TEMP TABLE log_${name} (seq INTEGER PRIMARY KEY, kind TEXT, ${cells})`);
    const kinds = { insert: ['', 'NEW'], update: ['OLD', 'NEW'], delete: ['OLD', ''] } as const;
    for (const [kind, [old, now]] of Object.entries(kinds)) {
      this.#db.exec(
        `CREATE TEMP TRIGGER ${name}_${kind} AFTER ${kind} ON main.${name}
         BEGIN INSERT INTO log_${name} (kind, ${cells}) VALUES ('${kind}', ${copies(old)}, ${copies(now)}); END`,
      );
    }
    const read = this.#db.prepare(`SELECT * FROM log_${name} ORDER BY seq`);
    read.setReturnArrays(true);
    read.setReadBigInts(true);
    return { shape: relation.table, read, clear: this.#db.prepare(`DELETE FROM log_${name}`) };
  }
}

function changeOf(table: TableShape, row: readonly unknown[]): Change {
  const kind = row[1] as 'insert' | 'update' | 'delete';
  const { length } = table.columns;
  const image = (from: number): TableRow => table.columns.map(({ type }, at) => cellOf(type, row[from + at]));
  if (kind === 'insert') return { kind, table, new: image(2 + length) };
  if (kind === 'delete') return { kind, table, old: image(2) };
  return { kind, table, old: image(2), new: image(2 + length) };
}
