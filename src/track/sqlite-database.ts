// A file of SQLite (also of libSQL) as a database that is tracked.
//
// The one complication: the feed's connection and the one that reads the catalogue are their own. What the application's
// connection alone knows, e.g. a temporary table, is unknown here; the recorder looks out for it.

import { statSync } from 'node:fs';
import type { TableShape } from '../dependency/change.ts';
import { TidegateError } from '../errors.ts';
import { createSqliteFeed } from '../feed/sqlite-feed.ts';
import { sqliteFile } from '../feed/sqlite-file.ts';
import { installSqliteFeed } from '../feed/sqlite-install.ts';
import { positionNow } from '../feed/sqlite-log.ts';
import { nodeSqliteRunner, type SqliteRow, type SqliteRunner } from '../feed/sqlite-runner.ts';
import type { Clock, Eventually } from '../ports.ts';
import type { Catalogue } from '../sql/ast.ts';
import { readSqliteCatalogue, sqliteCatalogueVersion } from '../sql/sqlite-catalogue.ts';
import { createSqliteParser } from '../sql/sqlite-parser.ts';
import type { DatabasePlatform, OpenDatabase, TrackedDatabase } from './contract.ts';
import { opening } from './opening.ts';
import {
  COUNT,
  checkOptions,
  FUNCTION,
  msFrom,
  NAMES,
  type Rule,
  refuseOption,
  SWITCH,
  shown,
  TEXT,
} from './option-rules.ts';
import { sqliteClaim } from './source-claim.ts';
import { SqliteLookups } from './sqlite-lookups.ts';

export interface SqliteDatabaseOptions {
  /** Of the database. A database in memory has one connection only, which the application needs for itself. */
  readonly path: string;
  /** True: puts the change log and its triggers in place where they are not; on tables made later as well. Default false. */
  readonly install?: boolean;
  /** More changes at once count as a change of each whole table that they are of. Default 5,000. */
  readonly maxChanges?: number;
  /** Opens a connection of the feed's own. Default: one of node:sqlite. */
  readonly connect?: () => Eventually<SqliteRunner>;
  /** How often it is looked whether another connection has committed. Default 5. */
  readonly pollMs?: number;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string>;
}

const BUSY_MS = 5_000;
const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table'`;

const OPTIONS: Readonly<Record<keyof SqliteDatabaseOptions, Rule>> = {
  ...{ path: TEXT, install: SWITCH, connect: FUNCTION },
  ...{ pollMs: msFrom(1), maxChanges: COUNT, pureFunctions: NAMES },
};

/** Throws E_CONFIG. */
export function sqliteDatabase(options: SqliteDatabaseOptions): TrackedDatabase {
  checkOptions('sqliteDatabase', options, OPTIONS);
  if (options.path === undefined) refuseOption(`path: expected that of a file, got ${shown(options.path)}`);
  const connect = options.connect ?? (() => openFile(options.path));
  return {
    open: (platform) => opening(`a database at ${options.path}`, () => openDatabase(options, connect, platform)),
  };
}

async function openDatabase(
  options: SqliteDatabaseOptions,
  connect: () => Eventually<SqliteRunner>,
  { source, clock, tasks }: DatabasePlatform,
): Promise<OpenDatabase> {
  const runner = await connect();
  try {
    const catalogue = new SqliteCatalogue(runner, source, await readKnown(runner, source));
    if (options.install === true) await installSqliteFeed(runner, await catalogue.tables());
    const { pollMs, maxChanges, pureFunctions } = options;
    const lookups = await openLookups(options.path, clock);
    const feed = createSqliteFeed({
      connect,
      readTables: () => catalogue.tables(),
      clock,
      tasks,
      extends: options.install === true,
      ...(pollMs === undefined ? {} : { pollMs }),
      ...(maxChanges === undefined ? {} : { maxChanges }),
    });
    return {
      parts: {
        dialect: 'sqlite',
        parser: createSqliteParser(),
        catalogue: catalogue.current,
        ...(pureFunctions === undefined ? {} : { pureFunctions }),
      },
      feed,
      claim: sqliteClaim(options.path),
      refresh: () => {
        lookups?.forget();
        return catalogue.refresh();
      },
      covers: (table) => feed.covers(table),
      // A look at the log that began after the call is waited for: a change of the schema writes nothing to the log.
      head: () => undefined,
      latest: () => positionNow(runner),
      wake: () => feed.wake(),
      ...(lookups !== undefined && { lookUp: (asked, parameters) => lookups.run(asked, parameters) }),
      close: () => {
        lookups?.close();
        return runner.close?.();
      },
    };
  } catch (error) {
    await runner.close?.();
    throw error;
  }
}

async function openFile(path: string): Promise<SqliteRunner> {
  // SQLite would make an empty database, and nobody would notice that it is not the application's.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new TidegateError('E_FEED', `expected a database at ${path}, got no file`);
  }
  const { DatabaseSync } = await import('node:sqlite');
  return nodeSqliteRunner(new DatabaseSync(path, { timeout: BUSY_MS }), sqliteFile(path));
}

/** Of node:sqlite whatever the application uses; it only reads. Undefined: the file is none that it can read. */
async function openLookups(path: string, clock: Clock): Promise<SqliteLookups | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  try {
    return new SqliteLookups(new DatabaseSync(path, { readOnly: true, timeout: 0 }), clock);
  } catch {
    // Less is known without it, and nothing is missed.
    return undefined;
  }
}

class SqliteCatalogue {
  #known: Known;
  readonly #runner: SqliteRunner;
  readonly #source: string;

  constructor(runner: SqliteRunner, source: string, known: Known) {
    this.#runner = runner;
    this.#source = source;
    this.#known = known;
  }

  get current(): Catalogue {
    return this.#known.catalogue;
  }

  async refresh(): Promise<Catalogue | undefined> {
    const { version } = this.#known;
    this.#known = await readKnown(this.#runner, this.#source, this.#known);
    return this.#known.version === version ? undefined : this.#known.catalogue;
  }

  /** As they are now. */
  async tables(): Promise<readonly TableShape[]> {
    const { catalogue } = await readKnown(this.#runner, this.#source);
    const shapes: TableShape[] = [];
    for (const { name } of await this.#runner.all(TABLES)) {
      const relation = catalogue.relation('main', String(name));
      if (relation?.kind === 'table') shapes.push(relation.table);
    }
    return shapes;
  }
}

interface Known {
  readonly catalogue: Catalogue;
  readonly version: string;
}

/** One that is of one version: read again where the schema changed meanwhile. `before` where it is of the same. */
async function readKnown(runner: SqliteRunner, source: string, before?: Known): Promise<Known> {
  const run = async (sql: string, parameters: readonly unknown[]): Promise<readonly SqliteRow[]> =>
    runner.all(sql, parameters as (string | number)[]);
  for (;;) {
    const version = await sqliteCatalogueVersion(run);
    if (version === before?.version) return before;
    const catalogue = await readSqliteCatalogue(run, source);
    if ((await sqliteCatalogueVersion(run)) === version) return { catalogue, version };
  }
}
