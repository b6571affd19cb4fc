// The knowledge that a reader of the log needs of the tables: their numbers, the place of each column in an image, and the
// differences from an earlier state. By it, rows of the log become changes.

import type { Change, TableShape } from '../../dependency/change.ts';
import { quotedName } from '../../dependency/table-name.ts';
import type { Eventually } from '../../ports.ts';
import { type LoggedChange, type RowFacts, type RowImage, rowOf } from './images.ts';
import { type Installation, type InstalledTable, problemsOf, readInstallation } from './install.ts';
import type { SqliteRunner } from './runner.ts';
import { FOREIGN_NAME, KIND, LOG, STATE, triggerName } from './triggers.ts';

/** Reads the tables from the file that the runner has open. */
export type ReadTables = (runner: SqliteRunner) => Eventually<readonly TableShape[]>;

export interface KnownTable extends RowFacts {
  readonly name: string;
  readonly shape: TableShape | undefined;
  /** Place of each column of the shape in an image. */
  readonly places: readonly (number | undefined)[];
  /** Number of cells in an image. */
  readonly width: number;
  /** SQL: whether the row `r` is the one of that name in the log's row `c`; `#` is the side. */
  readonly isNamed: string;
  /** Whether a number that VACUUM may change names its rows. */
  readonly isNumbered: boolean;
}

export interface KnownTables {
  /** Differs when the schema differs. */
  readonly fingerprint: string;
  readonly byId: ReadonlyMap<number, KnownTable>;
  readonly shapes: ReadonlyMap<string, TableShape>;
  readonly signatures: ReadonlyMap<string, string>;
  /** Fingerprint of the schema objects that affect every table. */
  readonly common: string;
  readonly problems: ReadonlyMap<string, string>;
  /** Number of cells in the widest image. */
  readonly width: number;
}

/** Returns undefined when there is no log. */
export async function readKnownTables(runner: SqliteRunner, readTables: ReadTables): Promise<KnownTables | undefined> {
  const installation = await readInstallation(runner);
  if (!installation.isThere) return undefined;
  const shapes = (await readTables(runner)).filter(({ name }) => !FOREIGN_NAME.test(name));
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  const tables = [...installation.tables.values()].map(
    (table) => [table.id, knownTable(table, byName.get(table.facts.name), installation)] as const,
  );
  const signatures = new Map([...byName].map(([name, shape]) => [name, signatureOf(name, shape, installation)]));
  const common = JSON.stringify(installation.schema.filter(({ type }) => type === 'view'));
  return {
    fingerprint: fingerprintOf(JSON.stringify([common, [...signatures]])),
    byId: new Map(tables),
    shapes: byName,
    signatures,
    common,
    problems: problemsOf(installation, shapes),
    width: Math.max(0, ...tables.map(([, { width }]) => width)),
  };
}

function knownTable(table: InstalledTable, shape: TableShape | undefined, { schema }: Installation): KnownTable {
  const { facts, id, triggers } = table;
  // On a rename, SQLite writes a column's new name into the trigger; the order stays.
  const logged = (triggers.get(triggerName(id, 'insert')) ?? '').matchAll(/NEW\."((?:[^"]|"")*)"/g);
  const names = [...logged].map((match) => (match[1] as string).replaceAll('""', '"'));
  const placeOf = (name: string | undefined) => {
    const place = name === undefined ? -1 : names.indexOf(name);
    return place < 0 ? undefined : place;
  };
  const isNumbered = facts.identity.length === 0 && facts.rowid !== undefined;
  const naming = isNumbered ? [names.length] : facts.identity.map((ordinal) => placeOf(facts.columns[ordinal]?.name));
  const columns = isNumbered
    ? [facts.rowid as string]
    : facts.identity.map((at) => quotedName(facts.columns[at]?.name ?? ''));
  const conditions = columns.map((column, at) => {
    const cell = `c.#${naming[at] ?? 0}`;
    return `r.${column} = ${cell} AND r.${column} COLLATE BINARY = ${cell}`;
  });
  const others = schema.filter(
    ({ type, tbl_name, name }) => type === 'trigger' && tbl_name === facts.name && !FOREIGN_NAME.test(String(name)),
  );
  return {
    name: facts.name,
    shape,
    places: (shape?.columns ?? []).map(({ name }) => placeOf(name)),
    width: names.length === 0 ? 0 : names.length + (isNumbered ? 1 : 0),
    naming: naming.length === 0 ? [undefined] : naming,
    isNamed: conditions.length === 0 ? '0' : conditions.join(' AND '),
    isNumbered,
    // A trigger that does not say BEFORE or AFTER is BEFORE.
    isSuspicious: others.some(({ sql }) => /\bbefore\b/i.test(String(sql)) || !/\bafter\b/i.test(String(sql))),
  };
}

function signatureOf(name: string, shape: TableShape, { schema }: Installation): string {
  const rows = schema.filter(
    (row) => row.tbl_name === name && (row.type !== 'trigger' || FOREIGN_NAME.test(String(row.name))),
  );
  return JSON.stringify([rows.map(({ sql }) => sql), shape]);
}

/** Shapes of tables that differ, or are new: nobody followed their rows in between. */
export function differing(before: KnownTables, now: KnownTables): readonly TableShape[] {
  const isSame = (name: string) =>
    before.common === now.common && before.signatures.get(name) === now.signatures.get(name);
  const changed = [...before.shapes.values()].filter(({ name }) => !isSame(name));
  // The name may have meant something else before, e.g. a view.
  const added = [...now.shapes.values()].filter(({ name }) => !before.shapes.has(name));
  return [...changed.map((shape) => now.shapes.get(shape.name) ?? shape), ...added];
}

/** Numbers of unknown tables. */
export function strangersIn(logged: readonly LoggedChange[], known: KnownTables): readonly number[] {
  return [...new Set(logged.map(({ table }) => table))].filter((table) => !known.byId.has(table));
}

/** The changes of tables that queries can name. */
export function changesOf(logged: readonly LoggedChange[], known: KnownTables): readonly Change[] {
  return logged.flatMap((one) => {
    const table = known.byId.get(one.table);
    return table?.shape === undefined ? [] : [changeOf(one, table.shape, table.places)];
  });
}

function changeOf(logged: LoggedChange, table: TableShape, places: readonly (number | undefined)[]): Change {
  const row = (image: RowImage) => rowOf(table, image, places);
  switch (logged.kind) {
    case 'insert':
      return { kind: 'insert', table, new: row(logged.new) };
    case 'update':
      return { kind: 'update', table, old: row(logged.old), new: row(logged.new) };
    case 'delete':
      return { kind: 'delete', table, old: row(logged.old) };
    case 'truncate':
      return { kind: 'truncate', table };
  }
}

/** Two FNV-1a hashes side by side: 64 bits in hexadecimal digits. */
function fingerprintOf(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let at = 0; at < text.length; at++) {
    low = Math.imul(low ^ text.charCodeAt(at), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(at) ^ (low >>> 11), 0x85ebca6b);
  }
  return [low, high].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}

/**
 * Marks a changed schema in the log: it gives a position after the change, and a gap to a feed that resumes from before it.
 */
export async function markSchema(runner: SqliteRunner, fingerprint: string, isNews: boolean): Promise<void> {
  await runner.all(`UPDATE ${STATE} SET "schema" = ? WHERE "schema" IS NOT ?`, [fingerprint, fingerprint]);
  // Another feed may have marked it already, at a place that this one has passed.
  if (isNews) await runner.all(`INSERT INTO ${LOG} (kind) VALUES (${KIND.schema})`);
}

/** Returns undefined when the host does not allow the pragma. */
export async function pragma(
  runner: SqliteRunner,
  name: 'data_version' | 'schema_version',
): Promise<number | undefined> {
  try {
    const [row] = await runner.all(`PRAGMA ${name}`);
    return row === undefined ? undefined : Number(row[name]);
  } catch (error) {
    if (/authoriz/i.test(String(error))) return undefined;
    throw error;
  }
}
