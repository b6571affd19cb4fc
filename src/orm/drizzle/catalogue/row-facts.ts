// What a database tells of its tables: their columns, and in which of them a statement may change more than it says.

import type { Scalar } from '../../../dependency/change.ts';
import type { Dialect } from '../../../dependency/template.ts';
import type { Eventually } from '../../../ports.ts';
import { type StatementParts, Templates } from '../../../sql/analyse.ts';
import { readPostgresCatalogue } from '../../../sql/postgres/catalogue.ts';
import { createPostgresParser } from '../../../sql/postgres/parser.ts';
import { createPostgresRowsReader } from '../../../sql/postgres/rows-written.ts';
import { type RowWrite, rowWriteOf } from '../../../sql/rows-written.ts';
import { answered, type CatalogueQueries, sqliteCatalogue } from '../../../sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../../sql/sqlite/parser.ts';
import { sqliteRowsWritten } from '../../../sql/sqlite/rows-written.ts';
import { canonical } from '../../../sql/text-facts.ts';
import { digest } from '../key.ts';
import { isPromise } from '../session/prepared.ts';
import { POSTGRES_KEYS, tablesOnCycles } from './foreign-keys.ts';

/** By Drizzle's own way to the driver, past the cache; the driver's answer. */
export type Ask = (sql: string, parameters?: readonly Scalar[]) => unknown;

/** Changes with what names of rows mean. */
const FORMAT = 1;
const MAX_TEXTS = 2_000;

export interface RowFacts {
  /** A digest of all facts that names of rows depend on. Equal marks mean that equal names have equal meanings. */
  readonly mark: string;
  /** Tables of which a statement may write more rows than it says, or other values. */
  readonly moving: ReadonlySet<string>;
  /** Names that one relation has: names are without their schema. */
  readonly unique: ReadonlySet<string>;
  readonly templates: Templates;
  /** The rows that the text writes; undefined: it does not tell them. */
  readonly writeOf: (text: string) => RowWrite | undefined;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/**
 * SQL. `moving`: the `name` of each table, and `isReached`: a foreign key that writes it counts as a trigger does. `keys`: those
 * that write the table which has them.
 */
type Questions = Readonly<Record<'version' | 'moving' | 'keys', string>>;

/** The whole schema, where the database tells nobody its version: D1. It does not tell of a change that was taken back. */
const SQLITE_SCHEMA = `SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master ORDER BY type, name`;

/** D1 refuses every statement that asks for columns or keys of its own tables. */
const NOT_OF_D1 = `m.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`;

const SQLITE: Questions = {
  version: 'SELECT schema_version AS version FROM pragma_schema_version',
  moving: `SELECT tbl_name AS name, 1 AS "isReached" FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE '\\_tidegate\\_%' ESCAPE '\\'
    UNION ALL SELECT tbl_name, 1 FROM sqlite_temp_master WHERE type = 'trigger'
    UNION ALL SELECT name, 0 FROM sqlite_master WHERE type = 'table' AND sql LIKE '%replace%'
    UNION ALL SELECT m.name, 0 FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c
      WHERE m.type = 'table' AND m.sql NOT LIKE 'create virtual%' AND ${NOT_OF_D1} AND c.hidden <> 0`,
  keys: `SELECT m.name AS child, k."table" AS parent FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k
    WHERE m.type = 'table' AND ${NOT_OF_D1} AND NOT (k.on_delete IN ('NO ACTION', 'RESTRICT') AND k.on_update IN ('NO ACTION', 'RESTRICT'))`,
};

const OWN = `c.relkind IN ('r', 'p') AND c.oid >= 16384`;
const POSTGRES: Questions = {
  // The transaction that made a column's row is not that of any other.
  version: `SELECT md5(coalesce(string_agg(concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,
      a.attcollation, a.attnotnull, a.attisdropped, a.xmin), ',' ORDER BY a.attrelid, a.attnum), '')) AS version
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND ${OWN}`,
  moving: `SELECT c.relname AS name, 1 AS "isReached" FROM pg_class c WHERE ${OWN} AND (c.relhasrules
      OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))
    UNION ALL SELECT c.relname, 0 FROM pg_class c WHERE ${OWN} AND (
      EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND to_jsonb(a) ->> 'attgenerated' <> '')
      OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))
      OR EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid >= 16384 AND (
        d.classid = 'pg_attrdef'::regclass AND d.objid IN (SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = c.oid)
        OR d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT k.oid FROM pg_constraint k WHERE k.conrelid = c.oid)
        OR d.classid = 'pg_class'::regclass AND d.objid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid))))`,
  keys: `SELECT child, parent FROM (${POSTGRES_KEYS}) k WHERE deletes OR updates`,
};

/** At once where the driver answers at once. Undefined: the tables were changed meanwhile. Throws NotTold, and what `ask` throws. */
export function readRowFacts(dialect: Dialect, ask: Ask): Eventually<RowFacts | undefined> {
  const run = (sql: string, parameters?: readonly Scalar[]) => {
    const answer = ask(sql, parameters);
    return isPromise(answer) ? Promise.resolve(answer).then(rowsOf) : rowsOf(answer);
  };
  return dialect === 'sqlite' ? answered(sqliteFacts(), run) : postgresFacts(async (...asked) => await run(...asked));
}

function* sqliteFacts(): CatalogueQueries<RowFacts | undefined> {
  const version = yield* sqliteVersion();
  const moving = movingOf(yield [SQLITE.moving], yield [SQLITE.keys]);
  const catalogue = yield* sqliteCatalogue('sqlite');
  if ((yield* sqliteVersion()) !== version) return undefined;
  const parts = { dialect: 'sqlite', parser: createSqliteParser(), catalogue } as const;
  return factsOf({ version, moving, parts }, (text) => rowWriteOf(text, sqliteRowsWritten, parts));
}

function* sqliteVersion(): CatalogueQueries<string> {
  try {
    return versionIn(yield [SQLITE.version]);
  } catch (error) {
    if (!isNotTold(error)) throw error;
    return digest((yield [SQLITE_SCHEMA]).map((row) => Object.values(row)));
  }
}

async function postgresFacts(
  run: (sql: string, parameters?: readonly Scalar[]) => Promise<Rows>,
): Promise<RowFacts | undefined> {
  const version = versionIn(await run(POSTGRES.version));
  const moving = movingOf(await run(POSTGRES.moving), await run(POSTGRES.keys));
  const catalogue = await readPostgresCatalogue(run, 'postgres', true);
  if (versionIn(await run(POSTGRES.version)) !== version) return undefined;
  const parts = { dialect: 'postgres', parser: await createPostgresParser(), catalogue } as const;
  const reader = await createPostgresRowsReader();
  return factsOf({ version, moving, parts }, (text) => rowWriteOf(text, reader, parts));
}

/** `version`: differs after each change of columns, even after one that restores the old columns. */
function factsOf(
  { version, moving, parts }: { version: string; moving: ReadonlySet<string>; parts: StatementParts },
  read: RowFacts['writeOf'],
): RowFacts {
  const relations = parts.catalogue.data?.relations ?? [];
  const named = Map.groupBy(relations, ({ name }) => canonical(name));
  // A version does not tell of keys and triggers.
  const shapes = relations.map((relation) => JSON.stringify(relation)).sort();
  const writes = new Map<string, RowWrite | undefined>();
  return {
    moving,
    mark: digest([FORMAT, version, [...moving].sort(), shapes]).slice(0, 12),
    unique: new Set([...named].filter(([, relations]) => relations.length === 1).map(([name]) => name)),
    templates: new Templates(parts, { maxTemplates: MAX_TEXTS }),
    writeOf: (text) => {
      if (!writes.has(text)) {
        if (writes.size >= MAX_TEXTS) writes.clear();
        writes.set(text, read(text));
      }
      return writes.get(text);
    },
  };
}

function versionIn([row]: Rows): string {
  const version = row?.version;
  if (version === undefined || version === null) throw new NotTold('expected a version of the tables, got none');
  return String(version);
}

/** A table whose write comes back to it by foreign keys is one of them. */
function movingOf(rows: Rows, actingKeys: Rows): ReadonlySet<string> {
  const nameOf = (value: unknown) => canonical(String(value));
  const keys = actingKeys.map(({ child, parent }) => ({ child: nameOf(child), parent: nameOf(parent) }));
  const reached = new Set(rows.filter(({ isReached }) => Number(isReached) === 1).map(({ name }) => nameOf(name)));
  const parentsOf = Map.groupBy(keys, ({ child }) => child);
  // A set that grows while it is gone through.
  for (const table of reached) for (const { parent } of parentsOf.get(table) ?? []) reached.add(parent);
  return new Set([...rows.map(({ name }) => nameOf(name)), ...reached, ...tablesOnCycles(keys)]);
}

/** An answer that tells nothing of the tables, e.g. of a driver that gives rows as lists. */
class NotTold extends Error {}

/** True: the database tells nobody of its tables, or the driver not in rows. D1 refuses some PRAGMAs. So it is no fault. */
export function isNotTold(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error instanceof NotTold || error.message.includes('SQLITE_AUTH') || isNotTold(error.cause);
}

/** A list of rows, or a result with one. */
function rowsOf(answer: unknown): Rows {
  const rows: unknown = Array.isArray(answer) ? answer : (answer as { readonly rows?: unknown } | undefined)?.rows;
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== 'object' || row === null || Array.isArray(row)))
    throw new NotTold('expected rows as objects, got others');
  return Array.from(rows as Rows);
}
