// Random schemas for SQLite: few tables, few values, so that rows meet; and every kind of key, type and collation.

import type { Dice } from '../sim/dice.ts';

export type ValueKind = 'integer' | 'real' | 'text' | 'numeric' | 'blob' | 'any';

export interface Column {
  readonly name: string;
  readonly kind: ValueKind;
  readonly collation: 'BINARY' | 'NOCASE' | 'RTRIM';
  readonly isNotNull: boolean;
}

export type KeyKind = 'rowid' | 'text' | 'composite' | 'none';

export interface Table {
  readonly name: string;
  readonly keyKind: KeyKind;
  /** The columns of the key first. */
  readonly columns: readonly Column[];
  readonly key: readonly string[];
}

export interface View {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly ddl: string;
}

export interface Schema {
  readonly tables: readonly Table[];
  readonly views: readonly View[];
}

/** The same name in each table: what tables are joined on. */
export const REFERENCE = 'ref';

export function randomSchema(dice: Dice): Schema {
  const tables = Array.from({ length: dice.between(2, 3) }, (_, at) => randomTable(dice, `t${at}`));
  const views = dice.chance(0.7) ? [randomView(dice, tables)] : [];
  return { tables, views };
}

function randomTable(dice: Dice, name: string): Table {
  const keyKind = dice.weighted({ rowid: 5, text: 2, composite: 2, none: 1 });
  const keys: Column[] = [];
  if (keyKind === 'text') keys.push(plain('id', 'text', true));
  else keys.push(plain('id', 'integer', keyKind !== 'none'));
  if (keyKind === 'composite') keys.push(plain('part', 'text', true));
  const others = Array.from({ length: dice.between(2, 4) }, (_, at): Column => {
    const kind = dice.weighted({ integer: 4, text: 4, real: 1, numeric: 1, any: 1, blob: 0.3 });
    const collation = dice.weighted({ BINARY: 6, NOCASE: 1, RTRIM: 0.3 });
    return { name: `c${at}`, kind, collation: kind === 'text' ? collation : 'BINARY', isNotNull: dice.chance(0.15) };
  });
  const columns = [...keys, plain(REFERENCE, 'integer', false), ...others];
  const key = keyKind === 'none' ? [] : keys.map((column) => column.name);
  return { name, keyKind, columns, key };
}

function plain(name: string, kind: ValueKind, isNotNull: boolean): Column {
  return { name, kind, collation: 'BINARY', isNotNull };
}

function randomView(dice: Dice, tables: readonly Table[]): View {
  const table = dice.pick(tables);
  const columns = table.columns.slice(0, dice.between(2, table.columns.length));
  const names = columns.map(({ name }) => name).join(', ');
  const where = dice.chance(0.5) ? ` WHERE ${REFERENCE} > ${dice.below(4)}` : '';
  return { name: 'v0', columns, ddl: `CREATE VIEW v0 AS SELECT ${names} FROM ${table.name}${where}` };
}

/** The DDL of the tables, their indexes and the views. */
export function ddlOf(dice: Dice, { tables, views }: Schema): string[] {
  const indexes = tables.flatMap(({ name, columns }) =>
    dice.some(columns, 0.4).map((column) => `CREATE INDEX ${name}_${column.name} ON ${name} (${column.name})`),
  );
  return [...tables.map(ddlOfTable), ...indexes, ...views.map(({ ddl }) => ddl)];
}

function ddlOfTable({ name, keyKind, columns, key }: Table): string {
  const parts = columns.map((column) => {
    const type = { integer: 'INTEGER', real: 'REAL', text: 'TEXT', numeric: 'NUMERIC', blob: 'BLOB', any: '' }[
      column.kind
    ];
    const collate = column.collation === 'BINARY' ? '' : ` COLLATE ${column.collation}`;
    const primary = keyKind === 'rowid' && column.name === 'id' ? ' PRIMARY KEY' : '';
    return `${column.name} ${type}${primary}${collate}${column.isNotNull && primary === '' ? ' NOT NULL' : ''}`;
  });
  if (keyKind === 'text' || keyKind === 'composite') parts.push(`PRIMARY KEY (${key.join(', ')})`);
  return `CREATE TABLE ${name} (${parts.join(', ')})${keyKind === 'composite' ? ' WITHOUT ROWID' : ''}`;
}

export type Value = null | number | bigint | string | Uint8Array;

const TEXTS = [
  'a',
  'ab',
  'abc',
  'A',
  'Ab',
  'b',
  'b ',
  '',
  'a%',
  '10',
  '9',
  '1',
  '1\0',
  '9\0x',
  'é',
  '\u{1f30a}',
  '\uff5e',
];
const INTEGERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n)];
const REALS = [0.5, 1, 1.5, 2, -0, 1e300, 2 ** 53, Number.POSITIVE_INFINITY];

/** A value for the column, as likely as not one that is there already. */
export function randomValue(dice: Dice, { kind, isNotNull }: Pick<Column, 'kind' | 'isNotNull'>): Value {
  if (!isNotNull && dice.chance(0.12)) return null;
  if (dice.chance(0.04)) return randomValue(dice, { kind: 'any', isNotNull: true });
  switch (kind) {
    case 'integer':
      return dice.chance(0.95) ? dice.below(8) : dice.pick(INTEGERS);
    case 'real':
      return dice.pick(REALS);
    case 'numeric':
      return dice.pick<Value>([...INTEGERS, ...REALS, '1', '1.0', '1\0', '4\0', ' 2', 'x']);
    case 'text':
      return dice.pick(TEXTS);
    case 'blob':
      return dice.pick([new Uint8Array([97]), new Uint8Array([97, 98]), new Uint8Array()]);
    case 'any':
      return dice.pick<Value>([...INTEGERS, ...REALS, ...TEXTS, new Uint8Array([97])]);
    default:
      return kind satisfies never;
  }
}

/** For the primary key's columns: no nulls, few values. */
export function randomKeyValue(dice: Dice, { kind }: Column): Value {
  return kind === 'text' ? dice.pick(TEXTS) : dice.below(24);
}

export function isKeyColumn(table: Table, { name }: Column): boolean {
  return table.key.includes(name) || name === 'id';
}
