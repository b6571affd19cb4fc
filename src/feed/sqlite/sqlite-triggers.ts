// The change log of SQLite and the triggers that write it, as SQL.
//
// REPLACE deletes rows without firing delete triggers. So before a row is written, the triggers log the rows that it may
// replace as candidates. The reader of the log finds out which of them are gone (sqlite-replaced.ts).

import { quotedName } from '../../dependency/table-name.ts';
import type { ColumnFacts, TableFacts, UniqueColumns } from './sqlite-facts.ts';

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
export function maxSlotsOf(maxColumns: number): number {
  return Math.floor((maxColumns - FIXED_COLUMNS) / 2);
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
  const candidates = (guard: (place: Place) => string) =>
    places.flatMap((place) => lookups({ facts, id }, place, guard));
  add(
    'BEFORE INSERT',
    candidates(() => ''),
  );
  const when = ` WHEN ${places.map(changed).join(' OR ')}`;
  add(
    'BEFORE UPDATE',
    candidates((place) => `(${changed(place)}) AND `),
    when,
  );
  return triggers;
}

export function triggerName(id: number, what: string): string {
  return `_tidegate_${id}_${what}`;
}

function imagesOf(facts: TableFacts, images: Partial<Record<'old' | 'new', string>>): readonly [string, string] {
  let names = '';
  let values = '';
  for (const [image, row] of Object.entries(images)) {
    const cells = facts.columns.map((column) => `${row}.${quotedName(column.name)}`);
    if (facts.rowid !== undefined) cells.push(`${row}.${facts.rowid}`);
    cells.forEach((cell, at) => {
      names += `, ${image[0]}${at}`;
      values += `, ${cell}`;
    });
  }
  return [names, values];
}

/** Values that two rows may not share. */
type Place = readonly { readonly name: string; readonly collation: string; readonly column: ColumnFacts | undefined }[];

function placesOf(facts: TableFacts): readonly Place[] {
  const places = facts.unique.map(({ columns }: UniqueColumns) =>
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
  guard: (place: Place) => string,
): readonly string[] {
  const [names, values] = imagesOf(facts, { old: 'r' });
  const found = (condition: string) =>
    `INSERT INTO ${LOG} (tbl, kind${names}) SELECT ${id}, ${KIND.candidate}${values} FROM ${quotedName(facts.name)} AS r WHERE ${guard(place)}${condition}`;
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
