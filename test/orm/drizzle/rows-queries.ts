// Random tables, reads and writes of all forms, over domains so small that values meet all the time.

import type { Query, RowsDialect, Value } from './rows-databases.ts';
import { PG_TABLES, SQLITE_TABLES } from './rows-schemas.ts';

const NUMBERS = [0, 1, 2, 3, 4];
const TEXTS = ['a', 'A', 'b', 'a ', '1', '2'];

export class RowsQueries {
  readonly #dialect: RowsDialect;
  readonly #random: () => number;

  constructor(dialect: RowsDialect, random: () => number) {
    this.#dialect = dialect;
    this.#random = random;
  }

  /** Statements that make the tables a, b and c. */
  tables(): readonly string[] {
    return (this.#dialect === 'sqlite' ? SQLITE_TABLES : PG_TABLES)(this.#pick).filter((text) => text !== '');
  }

  readonly #pick = <T>(...of: readonly T[]): T => of[Math.floor(this.#random() * of.length)] as T;
  readonly #number = () => this.#pick<Value>(...NUMBERS);
  readonly #text = () => this.#pick<Value>(...TEXTS, null);
  #of(column: string): Value {
    if (column === 't' || column === 'code') return this.#text();
    return column === 'u' ? this.#pick<Value>(1, 2, 0.5, null) : this.#number();
  }

  #column(table: string): string {
    if (table === 'c') return this.#pick('code', 'n');
    return table === 'a'
      ? this.#pick('id', 'id', 'k', 't', 'u', 'parent')
      : this.#pick('id', 'id', 'a_id', 'a_id', 'k', 't');
  }

  #condition(table: string, prefix = ''): Query {
    const column = this.#column(table);
    const name = prefix + column;
    const one = this.#of(column);
    const other = this.#of(column);
    return this.#pick<() => Query>(
      () => ({ text: `${name} = ?`, values: [one] }),
      () => ({ text: `${name} = ?`, values: [one] }),
      () => ({ text: `${name} = ${literal(one)}`, values: [] }),
      () => ({ text: `${name} in (?, ?)`, values: [one, other] }),
      () => ({ text: `(${name} = ? or ${name} = ?)`, values: [one, other] }),
      () => ({ text: `${name} > ?`, values: [one] }),
      () => ({ text: `${name} is null`, values: [] }),
      () => {
        const more = this.#condition(table, prefix);
        return { text: `${name} = ? and ${more.text}`, values: [one, ...more.values] };
      },
    )();
  }

  read(): Query {
    const table = this.#pick('a', 'a', 'b', 'b', 'c');
    const where = this.#condition(table);
    const a = this.#condition('a', 'x.');
    const b = this.#condition('b', 'y.');
    return this.#pick<() => Query>(
      () => ({ text: `select * from ${table} where ${where.text} order by 1, 2`, values: where.values }),
      () => ({ text: `select * from ${table} where ${where.text} order by 1, 2`, values: where.values }),
      () => ({ text: `select count(*) as n from ${table} where ${where.text}`, values: where.values }),
      () => ({ text: `select * from ${table} order by 1 limit 3`, values: [] }),
      () => ({
        text: `select x.id, y.id as y from a x join b y on y.a_id = x.id where ${a.text} order by 1, 2`,
        values: a.values,
      }),
      () => ({
        text: `select x.id, y.t from a x left join b y on y.a_id = x.id where ${a.text} order by 1, 2`,
        values: a.values,
      }),
      () => ({
        text: `select x.id from a x where exists (select 1 from b y where y.a_id = x.id and ${b.text}) order by 1`,
        values: b.values,
      }),
      () => ({
        text: `select y.id from b y where y.a_id in (select x.id from a x where ${a.text}) order by 1`,
        values: a.values,
      }),
      () => ({
        text: `select x.id from a x where ${a.text} and exists (select 1 from a z where z.id = ? and z.k = x.k) order by 1`,
        values: [...a.values, this.#number()],
      }),
      () => ({ text: `with w as (select * from a x where ${a.text}) select count(*) as n from w`, values: a.values }),
      () => ({
        text: `select x.id from a x where ${a.text} union select y.id from b y where ${b.text} order by 1`,
        values: [...a.values, ...b.values],
      }),
    )();
  }

  insert(): Query {
    const row = (...columns: readonly string[]) => columns.map((column) => this.#of(column));
    const generated = this.#dialect === 'sqlite' ? 'null' : 'default';
    return this.#pick<() => Query>(
      () => ({ text: 'insert into a (k, t, u) values (?, ?, ?)', values: row('k', 't', 'u') }),
      () => ({
        text: `insert into a (id, k, t, u, parent) values (${generated}, ?, ?, ?, ?)`,
        values: row('k', 't', 'u', 'id'),
      }),
      () => ({ text: 'insert into a (id, k) values (?, ?)', values: row('id', 'k') }),
      () => ({ text: 'insert into b (a_id, k, t) values (?, ?, ?)', values: row('id', 'k', 't') }),
      () => ({ text: 'insert into b (a_id, k) values (?, ?), (?, 7)', values: row('id', 'k', 'id') }),
      () => ({ text: 'insert into c values (?, ?)', values: row('code', 'n') }),
      () => ({ text: 'insert into c select t, k from a where id = ?', values: row('id') }),
      () => ({
        text: 'insert into c (code, n) values (?, 1) on conflict (code) do update set n = 9',
        values: row('code'),
      }),
      () => ({ text: 'insert into c (code) values (?) on conflict do nothing', values: row('code') }),
    )();
  }

  statement(): Query {
    const table = this.#pick('a', 'b', 'c');
    const where = this.#condition(table);
    const column = this.#column(table);
    const set = this.#pick<() => Query>(
      () => ({ text: `${column} = ?`, values: [this.#of(column)] }),
      () => ({ text: `${column} = ?`, values: [this.#of(column)] }),
      () => ({ text: `${column} = ${literal(this.#of(column))}`, values: [] }),
      () => ({ text: table === 'c' ? 'n = n + 1' : 'k = k + 1', values: [] }),
    )();
    const values = [...set.values, ...where.values];
    return this.#pick<() => Query>(
      () => this.insert(),
      () => this.insert(),
      () => ({ text: `update ${table} set ${set.text} where ${where.text}`, values }),
      () => ({ text: `update ${table} set ${set.text} where ${where.text}`, values }),
      () => ({ text: `update ${table} set ${set.text} where ${where.text} returning *`, values }),
      () => ({ text: `delete from ${table} where ${where.text}`, values: where.values }),
      () => ({ text: `update b set k = a.k from a where a.id = b.a_id and a.id = ?`, values: [this.#number()] }),
      () => ({ text: `update ${table} set ${set.text}`, values: set.values }),
    )();
  }
}

export function literal(value: Value): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
