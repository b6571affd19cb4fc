// The change log of SQLite and the triggers that write it, as SQL, and the facts of a table on which its triggers depend.
//
// REPLACE deletes rows without firing delete triggers. So before a row is written, the triggers log the rows that it may
// replace as candidates. The reader of the log finds out which of them are gone (images.ts).

import { quotedName } from '../../dependency/table-name.ts';
import type { SqliteRow, SqliteRunner } from './runner.ts';

export const LOG = '_tidegate_changes';
export const STATE = '_tidegate_state';
const MARK = '_tidegate_mark';

/** Numbers in the log's column `kind`. */
export const KIND = {
  /** The schema changed; also the log's first row. */
  schema: 0,
  insert: 1,
  update: 2,
  delete: 3,
  /** `old` is a row that the next written row may have replaced. */
  candidate: 4,
  /** Any row of the table may have changed. */
  truncate: 5,
} as const;

/** Columns of the log besides the images. */
const FIXED_COLUMNS = 4;

/** Number of cells that an image can hold in a log with this many columns. */
export function slotsAmong(columns: number): number {
  return Math.max(0, Math.floor((columns - FIXED_COLUMNS) / 2));
}

export function slotsOf(facts: TableFacts): number {
  return facts.columns.length + (facts.rowid === undefined ? 0 : 1);
}

/** `salt` tells the row from another with the same number, e.g. in a restored copy of the file. */
export function logDefinition(slots: number): readonly string[] {
  const images = Array.from({ length: slots }, (_, at) => `, o${at}, n${at}`).join('');
  return [
    `CREATE TABLE IF NOT EXISTS ${LOG} (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl, kind,
      salt DEFAULT (random() & 281474976710655)${images})`,
    `CREATE TABLE IF NOT EXISTS ${STATE} (one INTEGER PRIMARY KEY CHECK (one = 1), id, version, next_table, "schema")`,
    // The time first: positions of a later log sort after those of an earlier one.
    `INSERT OR IGNORE INTO ${STATE} VALUES (1, printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
      || lower(hex(randomblob(4))), 1, 1, '')`,
    `CREATE TRIGGER IF NOT EXISTS ${MARK} AFTER UPDATE OF "schema" ON ${STATE} WHEN NEW."schema" IS NOT OLD."schema"
      BEGIN INSERT INTO ${LOG} (kind) VALUES (${KIND.schema}); END`,
  ];
}

export function widening(from: number, to: number): readonly string[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at).flatMap((slot) => [
    `ALTER TABLE ${LOG} ADD COLUMN o${slot}`,
    `ALTER TABLE ${LOG} ADD COLUMN n${slot}`,
  ]);
}

/** The triggers of a table by name, each in the form that SQLite stores. `id`: the table's number in the log. */
export function triggersOf(facts: TableFacts, id: number, maxSlots: number): ReadonlyMap<string, string> {
  const triggers = new Map<string, string>();
  const add = (event: string, body: readonly string[], when = '') => {
    if (body.length === 0) return;
    const name = triggerName(id, event.toLowerCase().replace('after ', '').replace(' ', '_'));
    triggers.set(
      name,
      `CREATE TRIGGER ${quotedName(name)} ${event} ON ${quotedName(facts.name)}${when} BEGIN ${body.join('; ')}; END`,
    );
  };
  const mark = `INSERT INTO ${LOG} (tbl, kind) VALUES (${id}, ${KIND.truncate})`;
  if (slotsOf(facts) > maxSlots) {
    for (const event of ['INSERT', 'UPDATE', 'DELETE']) add(`AFTER ${event}`, [mark]);
    return triggers;
  }
  const logged = (kind: number, images: Partial<Record<'old' | 'new', string>>) => {
    const [names, values] = imagesOf(facts, images);
    return `INSERT INTO ${LOG} (tbl, kind${names}) VALUES (${id}, ${kind}${values})`;
  };
  add('AFTER INSERT', [logged(KIND.insert, { new: 'NEW' })]);
  add('AFTER UPDATE', [logged(KIND.update, { old: 'OLD', new: 'NEW' })]);
  add('AFTER DELETE', [logged(KIND.delete, { old: 'OLD' })]);
  const hasName = facts.identity.length > 0 || facts.rowid !== undefined;
  if (facts.hasOpaqueIndex || (!hasName && facts.unique.length > 0)) {
    add('BEFORE INSERT', [mark]);
    add('BEFORE UPDATE', [mark]);
    return triggers;
  }
  const places = placesOf(facts);
  const inserted = places.flatMap((place) => lookups({ facts, id }, place, ''));
  const updated = places.flatMap((place) => lookups({ facts, id }, place, `(${changed(place)}) AND `));
  add('BEFORE INSERT', inserted);
  add('BEFORE UPDATE', updated, ` WHEN ${places.map(changed).join(' OR ')}`);
  return triggers;
}

export function triggerName(id: number, what: string): string {
  return `_tidegate_${id}_${what}`;
}

function imagesOf(facts: TableFacts, images: Partial<Record<'old' | 'new', string>>): readonly [string, string] {
  let names = '';
  let values = '';
  const columns = facts.columns.map(({ name }) => quotedName(name));
  const cells = facts.rowid === undefined ? columns : [...columns, facts.rowid];
  for (const [image, row] of Object.entries(images)) {
    names += cells.map((_, at) => `, ${image[0]}${at}`).join('');
    values += cells.map((cell) => `, ${row}.${cell}`).join('');
  }
  return [names, values];
}

/** Values that two rows may not share. */
type Place = readonly { readonly name: string; readonly collation: string; readonly column: ColumnFacts | undefined }[];

function placesOf(facts: TableFacts): readonly Place[] {
  const places = facts.unique.map((columns) =>
    columns.map(({ ordinal, collation }) => {
      const column = facts.columns[ordinal] as ColumnFacts;
      return { name: quotedName(column.name), collation: quotedName(collation), column };
    }),
  );
  if (facts.rowid === undefined) return places;
  return [[{ name: facts.rowid, collation: 'BINARY', column: undefined }], ...places];
}

function changed(place: Place): string {
  return place.map(({ name }) => `NEW.${name} COLLATE BINARY IS NOT OLD.${name} COLLATE BINARY`).join(' OR ');
}

/** A literal that means the same anywhere in a statement. */
const LITERAL = /^(?:[+-]?\d+(?:\.\d+)?|'(?:[^']|'')*'|[xX]'[\dA-Fa-f]*')$/;

function lookups(
  { facts, id }: { readonly facts: TableFacts; readonly id: number },
  place: Place,
  guard: string,
): readonly string[] {
  const [names, values] = imagesOf(facts, { old: 'r' });
  const found = (condition: string) =>
    `INSERT INTO ${LOG} (tbl, kind${names}) SELECT ${id}, ${KIND.candidate}${values} FROM ${quotedName(facts.name)} AS r WHERE ${guard}${condition}`;
  const plain = place.map(({ name, collation }) => `r.${name} = NEW.${name} COLLATE ${collation}`).join(' AND ');
  // Tests a NULL that REPLACE turns into the default.
  const replaced = place.filter(({ column }) => column?.isNotNull === true && column.defaultText !== undefined);
  if (replaced.length === 0) return [found(plain)];
  const isReplaced = `(${replaced.map(({ name }) => `NEW.${name} IS NULL`).join(' OR ')})`;
  if (!replaced.every(({ column }) => LITERAL.test(column?.defaultText ?? ''))) {
    return [found(plain), `INSERT INTO ${LOG} (tbl, kind) SELECT ${id}, ${KIND.truncate} WHERE ${isReplaced}`];
  }
  const byDefault = place.map(({ name, collation, column }) => {
    if (column === undefined || !replaced.some((other) => other.column === column)) {
      return `r.${name} = NEW.${name} COLLATE ${collation}`;
    }
    return `r.${name} = CASE WHEN NEW.${name} IS NULL THEN ${column.defaultText} ELSE NEW.${name} END COLLATE ${collation}`;
  });
  return [found(plain), found(`${isReplaced} AND ${byDefault.join(' AND ')}`)];
}

export interface ColumnFacts {
  readonly name: string;
  readonly isNotNull: boolean;
  /** Text of the DEFAULT, which takes the place of NULL where REPLACE meets a NOT NULL column. */
  readonly defaultText: string | undefined;
  readonly isGenerated: boolean;
}

export interface TableFacts {
  readonly name: string;
  readonly columns: readonly ColumnFacts[];
  /** Ordinals of the columns that name a row. Empty when the rowid does, which is no column. */
  readonly identity: readonly number[];
  /** Whether a primary key was declared. */
  readonly hasKey: boolean;
  /** A name that reaches the rowid. Undefined when there is no rowid, or columns take all its names. */
  readonly rowid: string | undefined;
  readonly unique: readonly (readonly { readonly ordinal: number; readonly collation: string }[])[];
  /**
   * Whether the table has a unique index that a trigger cannot compute before the write: on an expression or a generated
   * column.
   */
  readonly hasOpaqueIndex: boolean;
}

/** Names of objects that do not belong to the application: SQLite's, D1's and the feed's own. */
export const FOREIGN_NAME = /^(?:sqlite_|_cf_|_tidegate_)/i;

const OURS = `l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND l.name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND l.name NOT LIKE '\\_tidegate\\_%' ESCAPE '\\'`;
const COLUMNS = `SELECT l.name AS tbl, l.wr, c.name, c."notnull", c.dflt_value, c.pk, c.hidden
  FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c WHERE ${OURS} ORDER BY l.name, c.cid`;
const INDEXES = `SELECT l.name AS tbl, i.name AS idx, i.origin, x.cid, x.coll
  FROM pragma_table_list l JOIN pragma_index_list(l.name) i JOIN pragma_index_xinfo(i.name) x
  WHERE ${OURS} AND i."unique" = 1 AND x.key = 1 ORDER BY l.name, i.seq, x.seqno`;

/** Facts of all tables of the main database, by name. */
export async function readFacts(runner: SqliteRunner): Promise<ReadonlyMap<string, TableFacts>> {
  const columns = Map.groupBy(await runner.all(COLUMNS), ({ tbl }) => String(tbl));
  const indexes = Map.groupBy(await runner.all(INDEXES), ({ tbl }) => String(tbl));
  return new Map([...columns].map(([name, rows]) => [name, factsOf(name, rows, indexes.get(name) ?? [])]));
}

function factsOf(name: string, rows: readonly SqliteRow[], indexRows: readonly SqliteRow[]): TableFacts {
  const columns = rows.map((row) => ({
    name: String(row.name),
    isNotNull: Number(row.notnull) === 1 || Number(row.pk) > 0,
    defaultText: row.dflt_value === null ? undefined : String(row.dflt_value),
    isGenerated: Number(row.hidden) > 1,
  }));
  const key = rows
    .map((row, ordinal) => ({ ordinal, pk: Number(row.pk) }))
    .filter(({ pk }) => pk > 0)
    .sort((left, right) => left.pk - right.pk)
    .map(({ ordinal }) => ordinal);
  const isWithoutRowid = Number(rows[0]?.wr) === 1;
  // A primary key without an index of its own is the rowid.
  const isAlias = key.length === 1 && !isWithoutRowid && !indexRows.some(({ origin }) => origin === 'pk');
  const indexes = [...Map.groupBy(indexRows, ({ idx }) => String(idx)).values()];
  const isOpaque = (index: readonly SqliteRow[]) =>
    index.some(({ cid }) => Number(cid) < 0 || columns[Number(cid)]?.isGenerated !== false);
  const unique = indexes
    .filter((index) => !isOpaque(index))
    .map((index) => index.map(({ cid, coll }) => ({ ordinal: Number(cid), collation: String(coll) })));
  const taken = columns.map((column) => column.name.toLowerCase());
  const free = ['rowid', '_rowid_', 'oid'].find((candidate) => !taken.includes(candidate));
  return {
    name,
    columns,
    identity: isWithoutRowid || isAlias ? key : [],
    hasKey: key.length > 0,
    rowid: isWithoutRowid || isAlias ? undefined : free,
    unique: isAlias ? [[{ ordinal: key[0] as number, collation: 'BINARY' }], ...unique] : unique,
    hasOpaqueIndex: indexes.some(isOpaque),
  };
}
