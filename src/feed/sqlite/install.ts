// Installs the change log and its triggers in a SQLite database, removes them, and tells their state.
//
// Triggers follow their table when it or a column is renamed, and in no other case; a table made anew has none. So this
// reads the installed triggers from the database, and compares them with those that it would install now.

import type { TableShape } from '../../dependency/change.ts';
import { quotedName } from '../../dependency/table-name.ts';
import type { SqliteRow, SqliteRunner } from './runner.ts';
import {
  FOREIGN_NAME,
  KIND,
  LOG,
  logDefinition,
  readFacts,
  STATE,
  slotsAmong,
  slotsOf,
  type TableFacts,
  triggersOf,
  widening,
} from './triggers.ts';

const TRIGGER_NAME = /^_tidegate_(\d+)_/;

type Named = Pick<TableShape, 'name'>;

export interface InstalledTable {
  readonly facts: TableFacts;
  /** Its number in the log. */
  readonly id: number;
  readonly triggers: ReadonlyMap<string, string>;
  /** Whether the triggers equal those that would be installed now. */
  readonly isCurrent: boolean;
}

export interface Installation {
  readonly isThere: boolean;
  readonly tables: ReadonlyMap<string, InstalledTable>;
  readonly facts: ReadonlyMap<string, TableFacts>;
  /** Rows of sqlite_schema. */
  readonly schema: readonly SqliteRow[];
  /** Number of cells that an image in the log can hold, and that it could hold at most. */
  readonly slots: number;
  readonly maxSlots: number;
}

export async function readInstallation(runner: SqliteRunner): Promise<Installation> {
  const schema = await runner.all(`SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name`);
  const facts = await readFacts(runner);
  const isThere = schema.some(({ name }) => name === STATE) && schema.some(({ name }) => name === LOG);
  const [columns] = isThere ? await runner.all(`SELECT count(*) AS count FROM pragma_table_info('${LOG}')`) : [];
  const maxSlots = slotsAmong(runner.maxColumns ?? 2_000);
  const found = Map.groupBy(
    schema.filter(({ type, name }) => type === 'trigger' && TRIGGER_NAME.test(String(name))),
    (row) => String(row.tbl_name),
  );
  const tables = new Map<string, InstalledTable>();
  for (const [name, rows] of found) {
    const table = facts.get(name);
    if (table === undefined) continue;
    const id = Math.max(...rows.map((row) => Number(TRIGGER_NAME.exec(String(row.name))?.[1])));
    const triggers = new Map(rows.map((row) => [String(row.name), String(row.sql)]));
    const expected = triggersOf(table, id, maxSlots);
    const isCurrent =
      triggers.size === expected.size && [...expected].every(([trigger, sql]) => triggers.get(trigger) === sql);
    tables.set(name, { facts: table, id, triggers, isCurrent });
  }
  return { isThere, tables, facts, schema, slots: slotsAmong(Number(columns?.count ?? 0)), maxSlots };
}

/** One sentence for each of the tables whose changes are not logged, or not completely. */
export function problemsOf(installation: Installation, tables: readonly Named[]): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const { name } of tables.filter((table) => !FOREIGN_NAME.test(table.name))) {
    const table = installation.tables.get(name);
    if (!installation.facts.has(name)) {
      const ordinary = 'an ordinary table of the main database, which can have triggers';
      problems.set(name, `expected table ${name} to be ${ordinary}`);
    } else if (table === undefined)
      problems.set(name, `expected triggers on table ${name}, got none: install the feed`);
    else if (!table.isCurrent) {
      const fitting = `the triggers of table ${name} to fit its columns and indexes`;
      problems.set(name, `expected ${fitting}, got older ones: install the feed`);
    }
  }
  return problems;
}

export interface InstallReport {
  /** Tables that received triggers in this call. */
  readonly installed: readonly string[];
  /** Obstacles to exact invalidation, as sentences. */
  readonly problems: readonly string[];
}

/** Installs the log and the triggers of these tables, all or nothing. Leaves correct parts as they are. */
export async function installSqliteFeed(runner: SqliteRunner, tables: readonly Named[]): Promise<InstallReport> {
  const { wanted, missing, statements } = await planned(runner, tables);
  if (statements.length > 0) await runner.batch(statements.map((sql) => ({ sql })));
  const after = await readInstallation(runner);
  const limits = wanted.flatMap((facts) => limitsOf(facts, after));
  return { installed: missing.map(({ name }) => name), problems: [...problemsOf(after, tables).values(), ...limits] };
}

/** The statements that installing would run; none when everything exists. */
export async function planSqliteFeed(runner: SqliteRunner, tables: readonly Named[]): Promise<readonly string[]> {
  return (await planned(runner, tables)).statements;
}

async function planned(runner: SqliteRunner, tables: readonly Named[]) {
  const before = await readInstallation(runner);
  const { isThere, maxSlots } = before;
  const wanted = tables.flatMap(({ name }) => before.facts.get(name) ?? []);
  const missing = wanted.filter(({ name }) => before.tables.get(name)?.isCurrent !== true);
  if (missing.length === 0 && isThere) return { wanted, missing, statements: [] };
  const slots = Math.max(8, ...missing.map(slotsOf).filter((count) => count <= maxSlots));
  const [state] = isThere ? await runner.all(`SELECT next_table FROM ${STATE}`) : [];
  const first = Number(state?.next_table ?? 1);
  const dropped = missing.flatMap(({ name }) => [...(before.tables.get(name)?.triggers.keys() ?? [])]);
  const statements = [
    ...logDefinition(slots),
    ...(isThere ? widening(before.slots, slots) : []),
    ...dropped.map((name) => `DROP TRIGGER IF EXISTS ${quotedName(name)}`),
    ...missing.flatMap((facts, at) => [...triggersOf(facts, first + at, maxSlots).values()]),
    // Writes the first row of a new log, and tells every reader of the log that the tables may have changed.
    `UPDATE ${STATE} SET next_table = ${first + missing.length}, "schema" = 'installed ' || lower(hex(randomblob(8)))`,
  ];
  return { wanted, missing, statements };
}

function limitsOf(facts: TableFacts, installation: Installation): string[] {
  const limit = limitOf(facts, installation);
  return limit === undefined ? [] : [`table ${facts.name} has ${limit}`];
}

function limitOf(facts: TableFacts, { maxSlots }: Installation): string | undefined {
  if (slotsOf(facts) > maxSlots) return 'too many columns: each write to it counts as a change of the whole table';
  if (!facts.hasOpaqueIndex) return undefined;
  return 'a unique index on an expression or a generated column: each insert and update counts as a change of the whole table';
}

export interface SqliteRemoval {
  /** Tables that had triggers. */
  readonly tables: readonly string[];
  readonly triggers: number;
  /** Rows of the log. Undefined when there was no log. */
  readonly rows: number | undefined;
}

/** Removes the whole installation, the log and its rows included. */
export async function removeSqliteFeed(runner: SqliteRunner): Promise<SqliteRemoval> {
  const triggers = await ownTriggers(runner);
  const statements = await planSqliteRemoval(runner);
  const [count] = statements.includes(DROP_LOG) ? await runner.all(`SELECT count(*) AS count FROM ${LOG}`) : [];
  if (statements.length > 0) await runner.batch(statements.map((sql) => ({ sql })));
  const own = triggers.filter(({ tbl_name }) => !FOREIGN_NAME.test(String(tbl_name)));
  return {
    tables: [...new Set(own.map(({ tbl_name }) => String(tbl_name)))].sort(),
    triggers: own.length,
    rows: count === undefined ? undefined : Number(count.count),
  };
}

const DROP_LOG = `DROP TABLE IF EXISTS ${LOG}`;

/** The statements that removing would run; none when nothing exists. */
export async function planSqliteRemoval(runner: SqliteRunner): Promise<readonly string[]> {
  const there = await runner.all(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('${LOG}', '${STATE}')`,
  );
  const has = (table: string) => there.some(({ name }) => name === table);
  return [
    ...(await ownTriggers(runner)).map(({ name }) => `DROP TRIGGER IF EXISTS ${quotedName(String(name))}`),
    ...(has(LOG) ? [DROP_LOG] : []),
    ...(has(STATE) ? [`DROP TABLE IF EXISTS ${STATE}`] : []),
  ];
}

async function ownTriggers(runner: SqliteRunner): Promise<readonly SqliteRow[]> {
  return runner.all(
    `SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_tidegate\\_%' ESCAPE '\\'`,
  );
}

/** One table. `why`: what is amiss or less than exact. */
export interface SqliteTableStatus {
  readonly name: string;
  /** Whether its changes are told. */
  readonly isTold: boolean;
  /** How much of the old row a change tells. */
  readonly oldRow: 'whole' | 'none';
  readonly hasKey: boolean;
  readonly why: string | undefined;
}

export interface SqliteFeedStatus {
  readonly isInstalled: boolean;
  /** Tables whose changes are logged. */
  readonly covered: readonly string[];
  /** All tables of the application. */
  readonly tables: readonly SqliteTableStatus[];
  /** Virtual tables, which can have no triggers. */
  readonly virtual: readonly string[];
  /** Rows of the log. */
  readonly rows: number;
  /** The change logged last. Acknowledged changes are deleted. */
  readonly last: { readonly row: number; readonly table: string; readonly kind: string } | undefined;
  readonly problems: readonly string[];
  /** Limits that only cost needless invalidations. */
  readonly limits: readonly string[];
}

export async function sqliteFeedStatus(runner: SqliteRunner, tables: readonly Named[]): Promise<SqliteFeedStatus> {
  const installation = await readInstallation(runner);
  // Temporary tables do not count: only their own connection sees them.
  const virtual = await runner.all(
    `SELECT l.name, l.type FROM pragma_table_list l WHERE l.schema = 'main' AND l.type = 'virtual' ORDER BY l.name`,
  );
  const { isThere, facts } = installation;
  const problems = problemsOf(installation, tables);
  const limits = [...installation.tables.values()].flatMap((table) => limitsOf(table.facts, installation));
  const covered = [...installation.tables.values()].filter((table) => isThere && table.isCurrent);
  const names = covered.map((table) => table.facts.name);
  const statuses = [...facts.values()].map((one): SqliteTableStatus => {
    const isTold = names.includes(one.name);
    const isWhole = isTold && slotsOf(one) <= installation.maxSlots;
    const got = installation.tables.has(one.name) ? 'triggers that do not fit its columns and indexes' : 'no triggers';
    const why = isTold ? limitOf(one, installation) : `${got}: install the feed`;
    return { name: one.name, isTold, oldRow: isWhole ? 'whole' : 'none', hasKey: one.hasKey, why };
  });
  const [count] = isThere ? await runner.all(`SELECT count(*) AS count FROM ${LOG}`) : [];
  return {
    isInstalled: isThere,
    covered: names,
    tables: statuses,
    virtual: virtual.map(({ name }) => String(name)),
    rows: Number(count?.count ?? 0),
    last: isThere ? await lastOf(runner, installation) : undefined,
    problems: isThere
      ? [...problems.values(), ...limits]
      : [`expected the change log ${LOG}, got none: install the feed`],
    limits,
  };
}

async function lastOf(runner: SqliteRunner, { tables }: Installation): Promise<SqliteFeedStatus['last']> {
  const changes = [KIND.insert, KIND.update, KIND.delete, KIND.truncate].join();
  const [row] = await runner.all(
    `SELECT seq, tbl, kind FROM ${LOG} WHERE kind IN (${changes}) ORDER BY seq DESC LIMIT 1`,
  );
  if (row === undefined) return undefined;
  const table = [...tables.values()].find(({ id }) => id === Number(row.tbl));
  const [kind = 'change'] = Object.entries(KIND).find(([, number]) => number === Number(row.kind)) ?? [];
  return { row: Number(row.seq), table: table?.facts.name ?? 'a table that is gone', kind };
}
