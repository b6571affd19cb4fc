// A file of SQLite (also of libSQL) as a database that is tracked.
//
// The feed's connection and the one that reads the catalogue are their own. Facts that the application's connection
// alone knows, e.g. a temporary table, are unknown here; the recorder looks out for them.

import { statSync } from 'node:fs';
import { TidegateError } from '../../errors.ts';
import { createSqliteFeed } from '../../feed/sqlite/feed.ts';
import { sqliteFile } from '../../feed/sqlite/file.ts';
import { installSqliteFeed } from '../../feed/sqlite/install.ts';
import { positionNow } from '../../feed/sqlite/log.ts';
import { nodeSqliteRunner, type SqliteRunner } from '../../feed/sqlite/runner.ts';
import type { Duration, InMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import type { Eventually } from '../../ports.ts';
import { createSqliteParser } from '../../sql/sqlite/parser.ts';
import {
  type DatabasePlatform,
  type OpenDatabase,
  opening,
  type TrackedDatabase,
  type TryClaim,
} from './open-database.ts';
import { closeConnections, openConnections, readVersionedCatalogue, tablesOf } from './sqlite-connections.ts';

export interface SqliteDatabaseOptions {
  /** The database's file. A database in memory has one connection only, which the application needs for itself. */
  readonly path: string;
  /**
   * Whether to put the change log and its triggers in place where they are missing, on later tables as well. Default
   * false.
   */
  readonly install?: boolean;
  /** More changes at once count as a change of each whole table that they are of. Default 5,000. */
  readonly maxChanges?: number;
  /** Opens a connection of the feed's own. Default: one of node:sqlite. */
  readonly connect?: () => Eventually<SqliteRunner>;
  /** How often it is looked whether another connection has committed. Default 5 ms. */
  readonly poll?: Duration;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string>;
}

const BUSY_MS = 5_000;

const OPTIONS: kit.Checks<SqliteDatabaseOptions> = {
  ...{ path: kit.required(kit.text), install: kit.flag, connect: kit.func },
  ...{ poll: kit.timeout(1), maxChanges: kit.count, pureFunctions: kit.setOfTexts },
};

/** Throws E_CONFIG. */
export function sqliteDatabase(given: SqliteDatabaseOptions): TrackedDatabase {
  const options = kit.checkOptions('sqliteDatabase', given, OPTIONS);
  const connect = options.connect ?? (() => openFile(options.path));
  return {
    open: (platform) => opening(`a database at ${options.path}`, () => openDatabase(options, connect, platform)),
  };
}

async function openDatabase(
  options: InMs<SqliteDatabaseOptions>,
  connect: () => Eventually<SqliteRunner>,
  { source, clock, tasks }: DatabasePlatform,
): Promise<OpenDatabase> {
  const { path, pollMs, maxChanges, pureFunctions } = options;
  const open = () => openConnections({ source, clock, path, connect });
  let opened = await open();
  let isClosed = false;
  try {
    if (options.install === true) await installSqliteFeed(opened.runner, await tablesOf(opened.runner));
    const feed = createSqliteFeed({
      ...{ connect, readTables: tablesOf, clock, tasks, pollMs, maxChanges },
      extends: options.install === true,
    });
    return {
      parts: { dialect: 'sqlite', parser: createSqliteParser(), catalogue: opened.catalogue, pureFunctions },
      feed,
      claim: sqliteClaim(path),
      refresh: async () => {
        const before = opened;
        before.lookups?.forget();
        if ((await before.runner.identity?.()) === before.identity) {
          opened = { ...before, ...(await readVersionedCatalogue(before.runner, source, before)) };
        } else {
          // Another file has taken its place, which the feed has told as a gap.
          opened = await open();
          await closeConnections(before);
          if (isClosed) await closeConnections(opened);
        }
        return opened.version === before.version ? undefined : opened.catalogue;
      },
      covers: feed.covers,
      // A look at the log that began after the call is waited for: a change of the schema writes nothing to the log.
      head: () => undefined,
      latest: () => positionNow(opened.runner),
      wake: () => feed.wake(),
      lookUp: (asked, parameters) => opened.lookups?.run(asked, parameters) ?? asked.map(() => undefined),
      close: () => {
        isClosed = true;
        return closeConnections(opened);
      },
    };
  } catch (error) {
    await closeConnections(opened);
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

/** A lock of the system on an empty file beside the database, which ends with the process that holds it. */
function sqliteClaim(path: string): TryClaim {
  return async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const file = new DatabaseSync(`${path}-tidegate`, { timeout: 0 });
    try {
      file.exec('BEGIN EXCLUSIVE');
      return async () => file.close();
    } catch (error) {
      file.close();
      if ((error as { readonly errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
      throw error;
    }
  };
}

const SQLITE_BUSY = 5;
