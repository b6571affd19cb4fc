// Installs the change log and its triggers in a database of SQLite, removes them, and says how they are.
//
// The one complication: triggers follow their table when it or a column is renamed, and nothing else; a table made anew
// has none. So what is there is read from the database itself, and compared with what would be installed now.

import type { TableShape } from '../dependency/change.ts';
import { FOREIGN_NAME, readFacts, type TableFacts } from './sqlite-facts.ts';
import type { SqliteRow, SqliteRunner, SqliteStatement } from './sqlite-runner.ts';
import { LOG, logDefinition, maxSlotsOf, quoted, STATE, slotsOf, triggersOf, widening } from './sqlite-triggers.ts';

const TRIGGER_NAME = /^_tidegate_(\d+)_/;

/** What the database has of one table. */
export interface InstalledTable {
  readonly facts: TableFacts;
  /** Its number in the log. */
  readonly id: number;
  readonly triggers: ReadonlyMap<string, string>;
  /** Whether the triggers are those that would be installed now. */
  readonly isCurrent: boolean;
}

export interface Installation {
  readonly isThere: boolean;
  /** By the names of their tables. */
  readonly tables: ReadonlyMap<string, InstalledTable>;
  readonly facts: ReadonlyMap<string, TableFacts>;
  /** Rows of sqlite_schema. */
  readonly schema: readonly SqliteRow[];
  /** Images that fit the log's columns. */
  readonly slots: number;
}

export async function readInstallation(runner: SqliteRunner): Promise<Installation> {
  const schema = await runner.all(`SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name`);
  const facts = await readFacts(runner);
  const isThere = schema.some(({ name }) => name === STATE) && schema.some(({ name }) => name === LOG);
  const columns = isThere ? await runner.all(`SELECT count(*) AS count FROM pragma_table_info('${LOG}')`) : [];
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
    const expected = triggersOf(table, id, maxSlotsOf(runner.maxColumns ?? 2_000));
    const isCurrent =
      triggers.size === expected.size && [...expected].every(([trigger, sql]) => triggers.get(trigger) === sql);
    tables.set(name, { facts: table, id, triggers, isCurrent });
  }
  return { isThere, tables, facts, schema, slots: Math.floor((Number(columns[0]?.count ?? 4) - 4) / 2) };
}

/** Those of `tables` whose changes are not logged, or not all of them, each as a sentence. */
export function problemsOf(installation: Installation, tables: readonly TableShape[]): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  for (const { name } of tables) {
    if (FOREIGN_NAME.test(name)) continue;
    const table = installation.tables.get(name);
    if (!installation.facts.has(name)) {
      problems.set(
        name,
        `expected table ${name} to be an ordinary table of the main database, which can have triggers`,
      );
    } else if (table === undefined)
      problems.set(name, `expected triggers on table ${name}, got none: install the feed`);
    else if (!table.isCurrent) {
      const message = `expected the triggers of table ${name} to fit its columns and indexes, got older ones: install the feed`;
      problems.set(name, message);
    }
  }
  return problems;
}

export interface InstallReport {
  /** Tables that got triggers now. */
  readonly installed: readonly string[];
  /** What stands in the way of exactness, as sentences. */
  readonly problems: readonly string[];
}

/** Puts the log and the triggers of these tables in place, all or nothing; what is there and fits is left as it is. */
export async function installSqliteFeed(
  runner: SqliteRunner,
  tables: readonly Pick<TableShape, 'name'>[],
): Promise<InstallReport> {
  const before = await readInstallation(runner);
  const wanted = tables.map(({ name }) => before.facts.get(name)).filter((facts) => facts !== undefined);
  const missing = wanted.filter(({ name }) => before.tables.get(name)?.isCurrent !== true);
  if (missing.length > 0 || !before.isThere) await runner.batch(await statementsOf(runner, before, missing));
  const after = await readInstallation(runner);
  return {
    installed: missing.map(({ name }) => name),
    problems: [
      ...problemsOf(after, tables as readonly TableShape[]).values(),
      ...wanted.flatMap((facts) => limitsOf(facts, runner)),
    ],
  };
}

async function statementsOf(
  runner: SqliteRunner,
  before: Installation,
  missing: readonly TableFacts[],
): Promise<readonly SqliteStatement[]> {
  const maxSlots = maxSlotsOf(runner.maxColumns ?? 2_000);
  const slots = Math.max(8, ...missing.map(slotsOf).filter((count) => count <= maxSlots));
  const state = before.isThere ? await runner.all(`SELECT next_table FROM ${STATE}`) : [];
  const first = Number(state[0]?.next_table ?? 1);
  const created = missing.map((facts, at) => triggersOf(facts, first + at, maxSlots));
  const dropped = missing.flatMap(({ name }) => [...(before.tables.get(name)?.triggers.keys() ?? [])]);
  return [
    ...logDefinition(slots),
    ...(before.isThere ? widening(before.slots, slots) : []),
    ...dropped.map((name) => `DROP TRIGGER IF EXISTS ${quoted(name)}`),
    ...created.flatMap((triggers) => [...triggers.values()]),
    // Writes the first row of a new log, and says to all who read it that the tables' own may be others.
    `UPDATE ${STATE} SET next_table = ${first + missing.length}, "schema" = 'installed ' || lower(hex(randomblob(8)))`,
  ].map((sql) => ({ sql }));
}

function limitsOf(facts: TableFacts, runner: SqliteRunner): string[] {
  const { name } = facts;
  if (slotsOf(facts) > maxSlotsOf(runner.maxColumns ?? 2_000)) {
    return [`table ${name} has too many columns: each write to it counts as a change of the whole table`];
  }
  if (!facts.hasOpaqueIndex) return [];
  return [
    `table ${name} has a unique index on an expression or a generated column: each insert and update counts as a change of the whole table`,
  ];
}

/** Takes away all that was installed, the log with what it holds included. */
export async function removeSqliteFeed(runner: SqliteRunner): Promise<void> {
  const triggers = await runner.all(
    `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '\\_tidegate\\_%' ESCAPE '\\'`,
  );
  await runner.batch([
    ...triggers.map(({ name }) => ({ sql: `DROP TRIGGER IF EXISTS ${quoted(String(name))}` })),
    { sql: `DROP TABLE IF EXISTS ${LOG}` },
    { sql: `DROP TABLE IF EXISTS ${STATE}` },
  ]);
}

export interface SqliteFeedStatus {
  readonly isInstalled: boolean;
  /** Tables whose changes are logged. */
  readonly covered: readonly string[];
  /** Rows of the log. */
  readonly rows: number;
  readonly problems: readonly string[];
}

export async function sqliteFeedStatus(runner: SqliteRunner, tables: readonly TableShape[]): Promise<SqliteFeedStatus> {
  const installation = await readInstallation(runner);
  if (!installation.isThere) {
    return {
      isInstalled: false,
      covered: [],
      rows: 0,
      problems: [`expected the change log ${LOG}, got none: install the feed`],
    };
  }
  const [count] = await runner.all(`SELECT count(*) AS count FROM ${LOG}`);
  const problems = problemsOf(installation, tables);
  const limits = [...installation.tables.values()].flatMap(({ facts }) => limitsOf(facts, runner));
  return {
    isInstalled: true,
    covered: [...installation.tables.values()].filter((table) => table.isCurrent).map((table) => table.facts.name),
    rows: Number(count?.count ?? 0),
    problems: [...problems.values(), ...limits],
  };
}
