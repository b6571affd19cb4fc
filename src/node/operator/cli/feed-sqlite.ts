// The feed of a file of SQLite, for the commands `tidegate feed`.
//
// SQLite creates a database under any name. A wrong path must not leave an empty one behind.

import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { TableShape } from '../../../dependency/change.ts';
import { TidegateError } from '../../../errors.ts';
import {
  installSqliteFeed,
  planSqliteFeed,
  planSqliteRemoval,
  removeSqliteFeed,
  type SqliteFeedStatus,
  sqliteFeedStatus,
} from '../../../feed/sqlite/install.ts';
import { nodeSqliteRunner, type SqliteRunner } from '../../../feed/sqlite/runner.ts';
import { FOREIGN_NAME } from '../../../feed/sqlite/triggers.ts';
import { readSqliteCatalogue } from '../../../sql/sqlite/catalogue.ts';
import { counted } from '../../counted.ts';
import {
  explaining,
  type FeedBackend,
  type FeedRemoval,
  type FeedReport,
  type FeedTable,
  uncomparable,
  unexpected,
} from './feed-report.ts';
import type { SqliteSource } from './feed-source.ts';

const BUSY_MS = 5_000;

/** Rejects with E_FEED. */
export async function openSqliteBackend(source: SqliteSource): Promise<FeedBackend> {
  const { path, shown } = source;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new TidegateError('E_FEED', `expected the file of a database, got none at ${shown}`);
  }
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  const runner = nodeSqliteRunner(database);
  try {
    // The first statement reveals a file that is no SQLite database.
    database.prepare('PRAGMA schema_version').get();
  } catch (cause) {
    database.close();
    return unexpected(cause, `a database in ${shown}`);
  }
  return explaining(shown, {
    status: () => reportOf(source, runner),
    plan: async () => planSqliteFeed(runner, await chosenOf(source, runner)),
    install: async () => installSqliteFeed(runner, await chosenOf(source, runner)),
    remove: () => removalOf(runner),
    planRemoval: async () => planSqliteRemoval(runner),
    close: async () => database.close(),
  });
}

async function removalOf(runner: SqliteRunner): Promise<FeedRemoval> {
  const { tables, triggers, rows } = await removeSqliteFeed(runner);
  return {
    removed: [
      ...(triggers === 0 ? [] : [`${counted(triggers, 'trigger')} of ${tables.join(', ')}`]),
      ...(rows === undefined ? [] : [`the change log, with ${counted(rows, 'row')}`]),
    ],
    kept: [],
  };
}

async function chosenOf({ tables }: SqliteSource, runner: SqliteRunner): Promise<readonly { readonly name: string }[]> {
  const catalogue = await shapesOf(runner);
  if (tables === 'all') return [...catalogue.values()].filter((shape) => typeof shape !== 'string');
  for (const name of tables) {
    const shape = catalogue.get(name);
    if (typeof shape === 'object') continue;
    throw new TidegateError('E_FEED', `expected a table ${name}, got ${shape ?? 'none'}`);
  }
  return tables.map((name) => ({ name }));
}

const NAMES = `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')`;

/** The application's tables by name; for tables that can have no triggers, their kind. */
async function shapesOf(runner: SqliteRunner): Promise<ReadonlyMap<string, TableShape | string>> {
  const run = async (sql: string, parameters: readonly unknown[]) => runner.all(sql, parameters as string[]);
  const catalogue = await readSqliteCatalogue(run);
  const names = (await runner.all(NAMES)).map(({ name }) => String(name)).filter((name) => !FOREIGN_NAME.test(name));
  const shapes = new Map<string, TableShape | string>();
  for (const name of names.sort()) {
    const relation = catalogue.relation('main', name);
    if (relation?.kind === 'table') shapes.set(name, relation.table);
    else if (relation?.kind === 'unseen') shapes.set(name, `${relation.what}, which can have no triggers`);
  }
  return shapes;
}

async function reportOf(source: SqliteSource, runner: SqliteRunner): Promise<FeedReport> {
  const shapes = await shapesOf(runner);
  const isWanted = (name: string) => source.tables === 'all' || source.tables.includes(name);
  const wanted = [...shapes.values()].filter((shape) => typeof shape !== 'string' && isWanted(shape.name));
  const status = await sqliteFeedStatus(runner, wanted as readonly TableShape[]);
  const asked = source.tables === 'all' ? [] : source.tables;
  const problems = [
    ...status.problems.filter((problem) => !status.limits.includes(problem)),
    ...asked.filter((name) => !shapes.has(name)).map((name) => `expected a table ${name}, got none`),
  ];
  const shown = status.tables.filter(({ name, isTold }) => isTold || isWanted(name));
  const others = status.tables.filter((table) => !shown.includes(table));
  const unseen = [...shapes].flatMap(([name, why]) => (typeof why === 'string' ? [{ name, why }] : []));
  return {
    source: source.name,
    database: source.shown,
    by: 'SQLite triggers',
    isHealthy: problems.length === 0,
    tables: shown.map((table) => tableOf(table, shapes.get(table.name))),
    leftOut: [...others.map(({ name }) => ({ name, why: 'not among the tables asked for' })), ...unseen],
    log: { isThere: status.isInstalled, rows: status.rows, bytes: null, last: status.last ?? null },
    problems,
    warnings: [],
  };
}

const MAY_BE_TEXT: ReadonlySet<string> = new Set(['text', 'blob', 'numeric']);

/** SQLite allows NULL there, so such a key identifies no row. */
const NULLABLE_KEY = 'a primary key whose columns may be NULL: declare NOT NULL';

function tableOf(table: SqliteFeedStatus['tables'][number], shape: TableShape | string | undefined): FeedTable {
  const { name, isTold, oldRow, hasKey, why } = table;
  const columns = typeof shape === 'object' ? shape.columns : [];
  const notes = why === undefined ? [] : [why];
  if (!hasKey) notes.push('no primary key');
  else if (typeof shape === 'object' && shape.hasNullableKey === true) notes.push(NULLABLE_KEY);
  const unknown = columns.filter(
    ({ type }) => type.family === 'sqlite' && type.collation === 'unknown' && MAY_BE_TEXT.has(type.affinity),
  );
  return { name, isTold, oldRow, notes: [...notes, ...uncomparable('texts', unknown)] };
}
