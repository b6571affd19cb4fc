// The URLs of the application: the SQL behind each, and what it must answer by the model.

import { Missing, type Model, type Row } from './model.ts';

export type Dialect = 'sqlite' | 'postgres';

/** Rows with their columns in order. */
export type Shown = readonly (readonly (readonly [string, number | null])[])[];

interface Kind {
  readonly sql: string;
  readonly parameters: readonly number[];
  readonly valuesOf: (parameter: number) => readonly number[];
  readonly expected: (model: Model, parameter: number) => Shown;
}

export const IDS = 40;
export const GROUPS = 4;
export const PLACES = 100;
const WINDOW = 5;
const WIDTH = 12;
const NEEDED = ['id', 'version', 'grp', 'place', 'amount'] as const;

const numbers = (count: number, step = 1, first = 0) => Array.from({ length: count }, (_, at) => first + at * step);
const same = (parameter: number) => [parameter];

export const KINDS: Readonly<Record<string, Kind>> = {
  row: {
    sql: 'SELECT * FROM items WHERE id = ?',
    parameters: numbers(IDS, 1, 1),
    valuesOf: same,
    expected: (model, id) => {
      const { columns, rows } = model.table('items', ['id']);
      const row = rows.get(id);
      return row === undefined ? [] : [pick(row, columns)];
    },
  },
  window: {
    sql: `SELECT id, version FROM items ORDER BY place DESC, id LIMIT ${WINDOW} OFFSET ?`,
    parameters: numbers(3, WINDOW),
    valuesOf: same,
    expected: (model, offset) =>
      itemsOf(model, ['id', 'version', 'place'])
        .sort((one, other) => of(other, 'place') - of(one, 'place') || of(one, 'id') - of(other, 'id'))
        .slice(offset, offset + WINDOW)
        .map(version),
  },
  group: {
    sql: 'SELECT id, version FROM items WHERE grp = ? ORDER BY id',
    parameters: numbers(GROUPS),
    valuesOf: same,
    expected: (model, group) => inGroup(model, group, ['id', 'version', 'grp']).map(version),
  },
  count: {
    sql: 'SELECT count(*) AS n, sum(amount) AS total FROM items WHERE grp = ?',
    parameters: numbers(GROUPS),
    valuesOf: same,
    expected: (model, group) => {
      const rows = inGroup(model, group, ['amount', 'grp']);
      const total = rows.length === 0 ? null : rows.reduce((sum, row) => sum + of(row, 'amount'), 0);
      return [
        [
          ['n', rows.length],
          ['total', total],
        ],
      ];
    },
  },
  join: {
    sql: `SELECT i.id AS item, i.version AS version, n.id AS note, n.version AS noted FROM items i
      JOIN notes n ON n.item_id = i.id WHERE i.grp = ? ORDER BY i.id, n.id`,
    parameters: numbers(GROUPS),
    valuesOf: same,
    expected: (model, group) =>
      inGroup(model, group, ['id', 'version', 'grp']).flatMap((item) =>
        [...model.table('notes').rows.values()]
          .filter((note) => note.item_id === item.id)
          .sort((one, other) => of(one, 'id') - of(other, 'id'))
          .map((note) => [
            ['item', of(item, 'id')] as const,
            ['version', of(item, 'version')] as const,
            ['note', of(note, 'id')] as const,
            ['noted', of(note, 'version')] as const,
          ]),
      ),
  },
  range: {
    sql: 'SELECT id, version FROM items WHERE place BETWEEN ? AND ? ORDER BY place, id',
    parameters: numbers(4, 25),
    valuesOf: (from) => [from, from + WIDTH],
    expected: (model, from) =>
      itemsOf(model, ['id', 'version', 'place'])
        .filter((row) => of(row, 'place') >= from && of(row, 'place') <= from + WIDTH)
        .sort((one, other) => of(one, 'place') - of(other, 'place') || of(one, 'id') - of(other, 'id'))
        .map(version),
  },
};

export const URLS: readonly string[] = Object.entries(KINDS).flatMap(([name, { parameters }]) =>
  parameters.map((parameter) => `/${name}/${parameter}`),
);

/** A query fails because of the schema as it is. */
export const FAILED = 'the schema forbids it';

/** What the application answers at a moment. */
export function expectedText(model: Model, url: string): string {
  const [, name = '', parameter = ''] = url.split('/');
  try {
    return textOf((KINDS[name] as Kind).expected(model, Number(parameter)));
  } catch (error) {
    if (error instanceof Missing) return FAILED;
    throw error;
  }
}

export function statementOf(
  url: string,
  dialect: Dialect,
): { readonly sql: string; readonly values: readonly number[] } {
  const [, name = '', parameter = ''] = url.split('/');
  const kind = KINDS[name];
  if (kind === undefined) throw new TypeError(`expected a URL of the drill, got ${url}`);
  return { sql: placed(kind.sql, dialect), values: kind.valuesOf(Number(parameter)) };
}

export function placed(sql: string, dialect: Dialect): string {
  let at = 0;
  return dialect === 'sqlite' ? sql : sql.replaceAll('?', () => `$${++at}`);
}

/** Rows as a driver gives them: all that the drill has are numbers, some of them as texts. */
export function shownOf(rows: readonly object[]): Shown {
  return rows.map((row) =>
    Object.entries(row).map(([name, value]) => [name, value === null ? null : Number(value)] as const),
  );
}

export function textOf(shown: Shown): string {
  return JSON.stringify(shown);
}

function itemsOf(model: Model, columns: readonly (typeof NEEDED)[number][]): Row[] {
  return [...model.table('items', columns).rows.values()];
}

function inGroup(model: Model, group: number, columns: readonly (typeof NEEDED)[number][]): Row[] {
  return itemsOf(model, columns)
    .filter((row) => row.grp === group)
    .sort((one, other) => of(one, 'id') - of(other, 'id'));
}

function of(row: Row, name: string): number {
  return Number(row[name]);
}

function version(row: Row): Shown[number] {
  return pick(row, ['id', 'version']);
}

function pick(row: Row, columns: readonly string[]): Shown[number] {
  return columns.map((name) => [name, row[name] ?? null] as const);
}
