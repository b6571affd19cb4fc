// Random schemas for PostgreSQL: few tables, few values; every kind of key, type, collation and replica identity.
//
// What is joined must be of types that compare. So the keys of one world are of one family.

import type { Dice } from '../sim/dice.ts';
import { type OwnRoutine, randomRoutine, routineDdl } from './postgres-routines.ts';
import { type Kind, kindOf, randomText } from './postgres-values.ts';
import { REFERENCE } from './schema.ts';

export interface PostgresColumn {
  readonly name: string;
  readonly kind: Kind;
  /** Of texts; undefined: the database's own. */
  readonly collation: string | undefined;
  readonly isNotNull: boolean;
  /** Of what, and how it is kept; it is not written. */
  readonly generated?: string;
}

export interface PostgresTable {
  readonly name: string;
  /** The columns of the key first. */
  readonly columns: readonly PostgresColumn[];
  readonly key: readonly string[];
  readonly identity: 'default' | 'full' | 'index';
  readonly isPartitioned: boolean;
}

export interface PostgresView {
  readonly name: string;
  readonly columns: readonly PostgresColumn[];
  readonly ddl: string;
}

export interface PostgresSchema {
  readonly tables: readonly PostgresTable[];
  readonly views: readonly PostgresView[];
  readonly routine: OwnRoutine | undefined;
}

const COLLATIONS = ['"C"', '"C"', '"und-x-icu"', 'blind', 'ucs_basic', '"pg_c_utf8"'];

/** What the columns need. */
export const PRELUDE = [
  'DROP SCHEMA IF EXISTS audit CASCADE',
  'CREATE SCHEMA audit',
  `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`,
  'CREATE DOMAIN small AS integer CHECK (VALUE > -100)',
  `CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
];

export function randomPostgresSchema(dice: Dice): PostgresSchema {
  const family = dice.weighted({ number: 6, text: 2.5, uuid: 1.5 });
  const tables = Array.from({ length: dice.between(2, 3) }, (_, at) =>
    randomTable(dice, `${dice.chance(0.12) ? 'audit.' : ''}t${at}`, family),
  );
  const views = dice.chance(0.7) ? [randomView(dice, tables)] : [];
  const routine = randomRoutine(dice, tables);
  return { tables: tables.map((table) => castable(table, routine)), views, routine };
}

/** With a column that the world's own cast is of. */
function castable(table: PostgresTable, routine: OwnRoutine | undefined): PostgresTable {
  if (routine?.kind !== 'cast' || routine.table !== table.name) return table;
  const mood: PostgresColumn = { name: 'mood', kind: 'enum', collation: undefined, isNotNull: false };
  return { ...table, columns: [...table.columns, mood] };
}

const KEYS = {
  number: { int4: 5, int8: 2, int2: 1, numeric: 0.5 },
  text: { text: 3, varchar: 1, char: 1 },
  uuid: { uuid: 1 },
};
const REFERENCES = { number: { int4: 4, int8: 1 }, text: { text: 2, varchar: 1 }, uuid: { uuid: 1 } };

function randomTable(dice: Dice, name: string, family: keyof typeof KEYS): PostgresTable {
  const keyKind = dice.weighted({ single: 6, composite: 2, none: 1 });
  const isPartitioned = keyKind === 'single' && family === 'number' && dice.chance(0.12);
  const keys = [
    randomColumn(dice, 'id', { kind: dice.weighted<Kind>(KEYS[family] as never), isNotNull: keyKind !== 'none' }),
  ];
  if (keyKind === 'composite') keys.push(randomColumn(dice, 'part', { kind: 'text', isNotNull: true }));
  const reference = randomColumn(dice, REFERENCE, {
    kind: dice.weighted<Kind>(REFERENCES[family] as never),
    isNotNull: false,
  });
  const others = Array.from({ length: dice.between(2, 5) }, (_, at) => {
    const kind = dice.weighted<Kind>(OTHERS);
    const isFit = keyKind !== 'none' || !kindOf(kind).isInexact;
    return randomColumn(dice, `c${at}`, { kind: isFit ? kind : 'text', isNotNull: dice.chance(0.15) });
  });
  const identity = dice.weighted({ default: 1, full: 1 });
  // Of a table whose rows are told whole, a column that is computed when it is read would forbid updates.
  const kept = keyKind === 'none' || identity === 'full' ? ['STORED'] : ['STORED', 'VIRTUAL'];
  const columns = [...keys, reference, ...others, ...generatedOf(dice, others, kept)];
  const hasIndex = keyKind === 'none' && columns[0] !== undefined && dice.chance(0.4);
  return {
    name,
    columns: hasIndex ? columns.map((column, at) => (at === 0 ? { ...column, isNotNull: true } : column)) : columns,
    key: keyKind === 'none' ? [] : keys.map((column) => column.name),
    identity: keyKind === 'none' ? (hasIndex ? 'index' : 'full') : identity,
    isPartitioned,
  };
}

/** From a number, where there is one. */
function generatedOf(dice: Dice, others: readonly PostgresColumn[], kept: readonly string[]): PostgresColumn[] {
  const source = others.find(({ kind }) => kind === 'int4');
  if (source === undefined || dice.chance(0.4)) return [];
  const generated = `(${source.name} % 3) ${dice.pick(kept)}`;
  return [{ name: 'g', kind: 'int4', collation: undefined, isNotNull: false, generated }];
}

const OTHERS: Readonly<Record<Kind, number>> = {
  int2: 1,
  int4: 4,
  int8: 1.5,
  numeric: 1.5,
  scaled: 0.7,
  float8: 1,
  float4: 0.6,
  text: 4,
  varchar: 1.5,
  char: 1,
  large: 1.5,
  enum: 2,
  domain: 0.5,
  boolean: 1.5,
  uuid: 0.5,
  bytea: 0.5,
  date: 1,
  timestamp: 0.7,
  timestamptz: 1.2,
  jsonb: 0.7,
  intArray: 0.5,
  textArray: 0.5,
  interval: 0.3,
  inet: 0.3,
};

type Made = Pick<PostgresColumn, 'kind' | 'isNotNull'>;

function randomColumn(dice: Dice, name: string, { kind, isNotNull }: Made): PostgresColumn {
  const collation = kindOf(kind).family === 'text' && dice.chance(0.6) ? dice.pick(COLLATIONS) : undefined;
  return { name, kind, collation, isNotNull };
}

/** Whether two values that are equal are shown the same. */
export function isExact({ kind, collation }: PostgresColumn): boolean {
  return kindOf(kind).isInexact !== true && collation !== 'blind';
}

function randomView(dice: Dice, tables: readonly PostgresTable[]): PostgresView {
  const table = dice.pick(tables);
  const columns = table.columns.slice(0, dice.between(2, table.columns.length));
  const names = columns.map(({ name }) => name).join(', ');
  const where = dice.pick(['', ` WHERE ${REFERENCE} IS NOT NULL`, ` WHERE ${columns[0]?.name} <> ${REFERENCE}`]);
  return { name: 'v0', columns, ddl: `CREATE VIEW v0 AS SELECT ${names} FROM ${table.name}${where}` };
}

/** The DDL of the tables, their indexes, identities and the views. */
export function postgresDdl(dice: Dice, { tables, views, routine }: PostgresSchema): string[] {
  const indexes = tables.flatMap(({ name, columns }) =>
    dice
      .some(columns, 0.3)
      .filter(({ kind, generated }) => kind !== 'large' && generated?.endsWith('VIRTUAL') !== true)
      .map((column) => `CREATE INDEX ${name.replace('.', '_')}_${column.name} ON ${name} (${column.name})`),
  );
  return [
    ...PRELUDE,
    ...tables.flatMap(ddlOfTable),
    ...indexes,
    ...views.map(({ ddl }) => ddl),
    ...routineDdl(routine),
  ];
}

function ddlOfTable({ name, columns, key, identity, isPartitioned }: PostgresTable): string[] {
  const parts = columns.map((column) => {
    const collate = column.collation === undefined ? '' : ` COLLATE ${column.collation}`;
    const generated = column.generated === undefined ? '' : ` GENERATED ALWAYS AS ${column.generated}`;
    return `${column.name} ${kindOf(column.kind).type}${collate}${column.isNotNull ? ' NOT NULL' : ''}${generated}`;
  });
  // A column that is gone leaves a hole in the table's numbers.
  if (hasHole(name, columns)) parts.splice(1, 0, 'gone integer DEFAULT 7');
  if (key.length > 0) parts.push(`PRIMARY KEY (${key.join(', ')})`);
  const made = [`CREATE TABLE ${name} (${parts.join(', ')})${isPartitioned ? ' PARTITION BY HASH (id)' : ''}`];
  if (hasHole(name, columns)) made.push(`ALTER TABLE ${name} DROP COLUMN gone`);
  const leaves = isPartitioned ? [`${name}_p0`, `${name}_p1`] : [name];
  if (isPartitioned) {
    for (const [at, leaf] of leaves.entries()) {
      made.push(`CREATE TABLE ${leaf} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER ${at})`);
    }
  }
  for (const leaf of leaves) {
    for (const column of columns.filter(({ kind }) => kind === 'large')) {
      made.push(`ALTER TABLE ${leaf} ALTER COLUMN ${column.name} SET STORAGE EXTERNAL`);
    }
    if (identity === 'full') made.push(`ALTER TABLE ${leaf} REPLICA IDENTITY FULL`);
  }
  if (identity === 'index') {
    made.push(
      `CREATE UNIQUE INDEX ${name.replace('.', '_')}_identity ON ${name} (id)`,
      `ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ${name.replace('.', '_')}_identity`,
    );
  }
  return made;
}

function hasHole(name: string, columns: readonly PostgresColumn[]): boolean {
  return name.endsWith('1') && columns.length % 2 === 0;
}

/** A value for the column, as likely as not one that is there already; null: NULL. */
export function randomPostgresValue(
  dice: Dice,
  { kind, isNotNull }: Pick<PostgresColumn, 'kind' | 'isNotNull'>,
): string | null {
  return !isNotNull && dice.chance(0.12) ? null : randomText(dice, kind);
}

/** For keys: no nulls, few values, and no two by different texts. */
export function randomPostgresKey(dice: Dice, { kind }: PostgresColumn): string {
  return kindOf(kind).family === 'number' ? String(dice.below(24)) : dice.pick(kindOf(kind).texts);
}

export function isKeyColumn(table: PostgresTable, { name }: PostgresColumn): boolean {
  return table.key.includes(name) || name === 'id';
}
